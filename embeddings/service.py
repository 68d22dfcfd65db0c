"""What every API calls for vectors and scores: slices, order, normalisation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from activity.request_log import note_work
from instances.protocol import ScoreTexts, Text, TextWork, VectorizeTexts
from model_files.embedding_facts import InputType
from model_manager import ModelManager
from pools.served_model import ServedModel
from pools.statistics import Timings
from web.errors import InvalidRequest
from web.request_id import current_client

# Of long texts, larger slices take more memory and, measured on an iGPU, twice the time.
SLICE_TEXTS = 16
_SHORT_TEXTS = 64
"""As many short ones: on a CPU a slice of 64 takes 0.9 of the time of four of 16."""
_SHORT_CHARACTERS = 16_384
"""Of such a slice, all texts padded to its longest."""
_TOKEN_CHARACTERS = 4

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EmbeddedTexts:
    """One row of `vectors` a text, each of length 1. `tokens` is what the model read in all."""

    vectors: Vectors
    tokens: int
    timings: Timings


@dataclass(frozen=True)
class Scored:
    """One score a text, in the order of the texts."""

    scores: list[float]
    tokens: int
    timings: Timings


class EmbeddingService:
    """Embeds and scores with the models of one device."""

    def __init__(self, manager: ModelManager) -> None:
        self._manager = manager

    async def embed(
        self,
        model: ServedModel,
        texts: Sequence[Text],
        *,
        dimensions: int | None = None,
        truncate: bool = True,
        input_type: InputType | None = None,
        keep_alive: float | None = None,
    ) -> EmbeddedTexts:
        """Vectors of `texts`, cut to `dimensions` numbers if asked for. `input_type` says what the texts are, for
        models that want queries and documents introduced differently.

        Raises `InvalidRequest` on another kind of model, on more dimensions than it has, and on a text longer than
        its context unless `truncate` is set. Without texts the model is only loaded.
        """
        model.require("embedding")
        timings = Timings(self._manager.clock())
        note_work(timings)
        if not texts:
            await self._manager.preload(model.id, 1, keep_alive=keep_alive)
            return EmbeddedTexts(np.empty((0, 0), np.float32), 0, timings)
        # Texts of like length in one slice: little is padded.
        order = sorted(range(len(texts)), key=lambda index: _characters(texts[index]))
        parts = _slices([texts[index] for index in order])
        prefix = model.facts.embedding.prefix(input_type) if model.facts.embedding else ""
        work = [VectorizeTexts(0, part, truncate, prefix) for part in parts]
        vectors, tokens = await self._run(model, work, timings, keep_alive)
        restored = np.empty_like(vectors)
        restored[order] = vectors
        return EmbeddedTexts(_shortened(restored, dimensions), tokens, timings)

    async def score(self, model: ServedModel, query: str, texts: Sequence[str]) -> Scored:
        """How well each text answers `query`. Raises `InvalidRequest` on another kind of model."""
        model.require("rerank")
        timings = Timings(self._manager.clock())
        note_work(timings)
        parts = [list(texts[at : at + SLICE_TEXTS]) for at in range(0, len(texts), SLICE_TEXTS)]
        rows, tokens = await self._run(model, [ScoreTexts(0, query, part) for part in parts], timings)
        return Scored([float(score) for score in rows[:, 0]], tokens, timings)

    async def _run(
        self, model: ServedModel, work: Sequence[TextWork], timings: Timings, keep_alive: float | None = None
    ) -> tuple[Vectors, int]:
        parts: list[Vectors] = []
        tokens = 0
        async for rows in self._manager.compute(
            model.id, work, timings, client=current_client(), keep_alive=keep_alive
        ):
            parts.append(np.frombuffer(rows.data, dtype="<f4").reshape(len(rows.tokens), -1))
            tokens += sum(rows.tokens)
        return np.concatenate(parts), tokens


def _characters(text: Text) -> int:
    return len(text) if isinstance(text, str) else _TOKEN_CHARACTERS * len(text)


def _slices(texts: Sequence[Text]) -> list[list[Text]]:
    """In the order of `texts`, which are sorted by length."""
    slices: list[list[Text]] = []
    for text in texts:
        size = len(slices[-1]) + 1 if slices else 0
        fits = size <= SLICE_TEXTS or (size <= _SHORT_TEXTS and size * _characters(text) <= _SHORT_CHARACTERS)
        if size and fits:
            slices[-1].append(text)
        else:
            slices.append([text])
    return slices


def _shortened(vectors: Vectors, dimensions: int | None) -> Vectors:
    if dimensions is not None and dimensions > vectors.shape[1]:
        raise InvalidRequest(f"This model has {vectors.shape[1]} dimensions, not {dimensions}.", param="dimensions")
    vectors = vectors[:, :dimensions]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)

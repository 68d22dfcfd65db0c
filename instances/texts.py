"""Embedding models and rerankers: a step is one slice of texts, its result one row of numbers a text."""

import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import openvino_genai as genai

from instances.one_at_a_time import OneAtATime
from instances.pipeline import Emit
from instances.protocol import LoadModel, Request, Rows, ScoreTexts, Text, TokenOutput, VectorizeTexts
from instances.work import properties_of

_Pooling = genai.TextEmbeddingPipeline.PoolingType
_POOLING = {"cls": _Pooling.CLS, "mean": _Pooling.MEAN, "last_token": _Pooling.LAST_TOKEN}


# The form that the Qwen3-Reranker model cards give.
_QWEN_QUERY = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
    "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: {}\n"
)
_QWEN_DOCUMENT = "<Document>: {}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


_TOGETHER_TEXTS, _TOGETHER_CHARACTERS = 64, 16_384
"""Of requests that are computed together: texts, and characters with all texts padded to the longest."""


_Vectors = Callable[[list[str], genai.TokenizedInputs], npt.NDArray[np.float32]]
"""The vectors of texts, which come with their ids."""


class _TooLong(ValueError):
    def __init__(self, tokens: int, most: int) -> None:
        super().__init__(f"a text has {tokens} tokens; the model takes at most {most}")
        self.tokens = tokens


class _TextPipeline(OneAtATime):
    def __init__(self, spec: LoadModel) -> None:
        super().__init__()
        self._max_tokens = spec.max_prompt_len
        self._tokenizer = genai.Tokenizer(spec.directory)

    @abstractmethod
    def _rows(self, request: Request) -> Rows:
        """Raises ValueError on a request that this model cannot answer."""

    def _answer(self, request: Request, emit: Emit) -> TokenOutput:
        try:
            return TokenOutput(request.id, [], "stop", rows=self._rows(request))
        except ValueError as error:
            tokens = error.tokens if isinstance(error, _TooLong) else None
            return TokenOutput(request.id, [], error=str(error), prompt_tokens=tokens)

    def _decoded(self, texts: Sequence[Text]) -> list[str]:
        return [text if isinstance(text, str) else self._decode(text) for text in texts]

    def _decode(self, ids: Sequence[int]) -> str:
        try:
            return self._tokenizer.decode(list(ids), skip_special_tokens=True)
        except RuntimeError as error:
            raise ValueError("this model takes text only: it comes without what turns token ids into text") from error

    def _token_counts(self, texts: Sequence[str], *, truncate: bool) -> list[int]:
        """What the model sees of each text."""
        return self._encode(texts, truncate=truncate)[1]

    def _encode(self, texts: Sequence[str], *, truncate: bool) -> tuple[genai.TokenizedInputs, list[int]]:
        """The texts' whole ids, and what the model sees of each."""
        encoded = self._tokenizer.encode(list(texts))
        counts: list[int] = encoded.attention_mask.data.sum(axis=1).tolist()
        longest = max(counts)
        if longest > self._max_tokens and not truncate:
            raise _TooLong(longest, self._max_tokens)
        return encoded, [min(count, self._max_tokens) for count in counts]


class Embedder(_TextPipeline):
    """Vectors of length 1, by `SentenceModel`; on an NPU, whose shapes are fixed, by TextEmbeddingPipeline."""

    def __init__(self, spec: LoadModel) -> None:
        super().__init__(spec)
        self._vectors = _npu_vectors(spec) if spec.device.startswith("NPU") else self._by_one_graph(spec)

    def step(self, emit: Emit) -> None:
        """Short requests that wait are computed together, as one of them alone leaves a processor idle."""
        together = self._together()
        try:
            outputs = self._answers(together) if len(together) > 1 else None
        except ValueError:
            outputs = None  # each by itself tells whose fault it is
        if outputs is None:
            super().step(emit)
            return
        with self._lock:
            for request in together:
                self._requests.popleft()
                self._cancelled.discard(request.id)
        emit(outputs)

    def _together(self) -> list[VectorizeTexts]:
        found: list[VectorizeTexts] = []
        count, longest = 0, 0
        for request in self._requests:
            if not isinstance(request, VectorizeTexts) or request.id in self._cancelled:
                break
            if found and (request.prefix, request.truncate) != (found[0].prefix, found[0].truncate):
                break
            count, longest = count + len(request.texts), max([longest, *map(len, request.texts)])
            if count > _TOGETHER_TEXTS or count * longest > _TOGETHER_CHARACTERS:
                break
            found.append(request)
        return found

    def _answers(self, requests: Sequence[VectorizeTexts]) -> list[TokenOutput]:
        texts = [text for request in requests for text in request.texts]
        rows = self._rows(msgspec.structs.replace(requests[0], texts=texts))
        width = len(rows.data) // len(texts)
        outputs: list[TokenOutput] = []
        at = 0
        for request in requests:
            end = at + len(request.texts)
            part = Rows(rows.data[at * width : end * width], rows.tokens[at:end])
            outputs.append(TokenOutput(request.id, [], "stop", rows=part))
            at = end
        return outputs

    def _by_one_graph(self, spec: LoadModel) -> _Vectors:
        from instances.sentence_model import SentenceModel

        model = SentenceModel(Path(spec.directory), spec.device, spec.pooling, properties_of(spec))

        def vectors(texts: list[str], encoded: genai.TokenizedInputs) -> npt.NDArray[np.float32]:
            if encoded.input_ids.shape[1] > self._max_tokens:
                encoded = self._tokenizer.encode(texts, max_length=self._max_tokens, truncation=True)
            return model.vectors(encoded)

        return vectors

    def warm_up(self, request_id: int) -> Request:
        return VectorizeTexts(request_id, ["warm up"], truncate=True)

    def _rows(self, request: Request) -> Rows:
        if not isinstance(request, VectorizeTexts):
            raise ValueError("an embedding model makes vectors only")
        texts = [request.prefix + text for text in self._decoded(request.texts)]
        encoded, counts = self._encode(texts, truncate=request.truncate)
        return Rows(self._vectors(texts, encoded).tobytes(), counts)


def _npu_vectors(spec: LoadModel) -> _Vectors:
    config = genai.TextEmbeddingPipeline.Config(max_length=spec.max_prompt_len)
    config.pooling_type = _POOLING[spec.pooling or "mean"]
    pipeline = genai.TextEmbeddingPipeline(spec.directory, spec.device, config, **properties_of(spec))
    return lambda texts, _: np.asarray([pipeline.embed_documents([text])[0] for text in texts], dtype="<f4")


class Reranker(_TextPipeline):
    """TextRerankPipeline. One score a text, from 0 to 1. Qwen3's rerankers are language models: they are asked in the
    words they were trained with, and how likely "yes" is counts."""

    def __init__(self, spec: LoadModel) -> None:
        super().__init__(spec)
        config = genai.TextRerankPipeline.Config(max_length=spec.max_prompt_len, top_n=2**31 - 1)
        self._asks = _config_of(Path(spec.directory)).get("model_type") == "qwen3"
        if self._asks:
            config.padding_side = "left"  # the last token is the one that counts
        self._pipeline = genai.TextRerankPipeline(spec.directory, spec.device, config, **properties_of(spec))

    def warm_up(self, request_id: int) -> Request:
        return ScoreTexts(request_id, "warm", ["up"])

    def _rows(self, request: Request) -> Rows:
        if not isinstance(request, ScoreTexts):
            raise ValueError("a reranker scores texts only")
        query, texts = request.query, request.texts
        if self._asks:
            query = _QWEN_QUERY.format(query)
            texts = [_QWEN_DOCUMENT.format(text) for text in self._fitting(query, texts)]
        asked, *counts = self._token_counts([query, *texts], truncate=True)
        scores = np.empty(len(texts), dtype="<f4")
        for group in [range(len(texts))] if self._asks else self._groups(query, texts):
            for index, score in self._pipeline.rerank(query, texts[group.start : group.stop]):
                scores[group.start + index] = score
        return Rows(scores.tobytes(), [min(asked + count, self._max_tokens) for count in counts])

    def _groups(self, query: str, texts: Sequence[str]) -> list[range]:
        """Texts that may be scored together. The tokenizer of pairs (openvino_tokenizers, CombineSegments) has room for
        the query once and for the texts, but writes the query before each of them: past the end of its memory, where
        the query is longer than the texts."""
        asked, *counts = self._plain_token_counts([query, *texts])
        groups: list[range] = []
        start = 0
        for end in range(1, len(texts) + 1):
            if end - start > 1 and (end - start - 1) * asked > sum(counts[start:end]):
                groups.append(range(start, end - 1))
                start = end - 1
        return [*groups, range(start, len(texts))]

    def _plain_token_counts(self, texts: Sequence[str]) -> list[int]:
        encoded = self._tokenizer.encode(list(texts), add_special_tokens=False)
        return encoded.attention_mask.data.sum(axis=1).tolist()

    def _fitting(self, query: str, texts: Sequence[str]) -> list[str]:
        """Texts cut so that what stands around them fits into the context too."""
        around = sum(self._token_counts([query, _QWEN_DOCUMENT.format("")], truncate=True))
        room = max(1, self._max_tokens - around)
        fitting: list[str] = []
        for text in texts:
            ids = self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0].tolist()
            fitting.append(text if len(ids) <= room else self._decode(ids[:room]))
        return fitting


def _config_of(directory: Path) -> dict[str, Any]:
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    return config if isinstance(config, dict) else {}

"""How likely a language model finds each token of a prompt: a plain pass of OpenVINO, without a pipeline.

OpenVINO GenAI tells such log probabilities with `echo`, but of the chosen tokens only, and for a prompt whose beginning
is in the prefix cache it gives back memory that was never written (2026.4.1, seen).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov

from instances.one_at_a_time import OneAtATime
from instances.pipeline import Emit
from instances.protocol import LoadModel, Request, Rows, ScorePrompt, TokenOutput

_MOST_LOGITS = 16_000_000
"""At once: 64 MB."""
_LONGEST_STEP = 512
_OF_PIPELINES = frozenset({"ATTENTION_BACKEND"})
"""What OpenVINO GenAI takes for itself; the plugins raise on it."""

Scores = npt.NDArray[np.float64]


class PromptScorer(OneAtATime):
    """A `Pipeline` that answers `ScorePrompt`, each prompt in one step."""

    def __init__(self, spec: LoadModel) -> None:
        super().__init__()
        properties = {name: value for name, value in spec.properties.items() if name not in _OF_PIPELINES}
        if spec.cache_dir:
            properties["CACHE_DIR"] = spec.cache_dir
        model = ov.Core().compile_model(Path(spec.directory) / "openvino_model.xml", spec.device, properties)
        self._inputs = {name for each in model.inputs for name in each.get_names()}
        vocabulary = model.output("logits").partial_shape[-1]
        most = _MOST_LOGITS // vocabulary.get_length() if vocabulary.is_static else 1
        self._step = max(1, min(_LONGEST_STEP, most))
        self._pass = model.create_infer_request()

    def warm_up(self, request_id: int) -> Request:
        return ScorePrompt(request_id, [0, 1, 2, 3], top=1)

    def submit(self, request: Request) -> None:
        if not isinstance(request, ScorePrompt):
            raise ValueError("this instance scores prompts only")
        super().submit(request)

    def _answer(self, request: Request, emit: Emit) -> TokenOutput:
        assert isinstance(request, ScorePrompt)
        rows = np.full((len(request.ids), 1 + 2 * request.top), np.nan)
        self._pass.reset_state()
        done = 0
        while done < len(request.ids) - 1:  # what would come after the last token is not asked
            if request.id in self._cancelled:
                return TokenOutput(request.id, [], "cancelled")
            ids = request.ids[done : min(done + self._step, len(request.ids) - 1)]
            logits = self._logits(ids, done)
            if len(logits) != len(ids):
                return TokenOutput(
                    request.id, [], error="this model's files give the logits of a prompt's last token only"
                )
            following = request.ids[done + 1 : done + 1 + len(ids)]
            rows[done + 1 : done + 1 + len(ids)] = scored(logits, following, request.top)
            done += len(ids)
            emit([])  # a long prompt takes long, and silence would look like a fault
        return TokenOutput(request.id, [], "stop", rows=Rows(rows.astype("<f8").tobytes(), [len(request.ids)]))

    def _logits(self, ids: Sequence[int], before: int) -> npt.NDArray[np.float32]:
        count = len(ids)
        given: dict[str, Any] = {
            "input_ids": np.array([ids], dtype=np.int64),
            "attention_mask": np.ones((1, before + count), dtype=np.int64),
            "position_ids": np.arange(before, before + count, dtype=np.int64)[None],
            "beam_idx": np.zeros(1, dtype=np.int32),
        }
        self._pass.infer({name: value for name, value in given.items() if name in self._inputs})
        return self._pass.get_tensor("logits").data[0]


def scored(logits: npt.NDArray[np.float32], ids: Sequence[int], top: int) -> Scores:
    """A row for each of `ids`: its log probability by the logits in the same place, then ids and log probabilities of
    the `top` likeliest, in falling order."""
    largest = logits.max(axis=1, keepdims=True)
    total = largest[:, 0] + np.log(np.exp(logits - largest).sum(axis=1, dtype=np.float64))
    rows = np.empty((len(ids), 1 + 2 * top))
    rows[:, 0] = logits[np.arange(len(ids)), ids] - total
    if top:
        some = np.argpartition(logits, -top, axis=1)[:, -top:]
        values = np.take_along_axis(logits, some, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        rows[:, 1::2] = np.take_along_axis(some, order, axis=1)
        rows[:, 2::2] = np.take_along_axis(values, order, axis=1) - total[:, None]
    return rows

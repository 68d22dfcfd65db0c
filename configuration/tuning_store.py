"""What tuning found, kept over restarts: `pipeline: "auto"` follows it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from configuration.schema import ModelAssignment
from storage.files import BROKEN_FILE
from storage.json_store import JsonStore

_CLEARLY = 0.9
DECODED_TOKENS = 64
STREAMS, STREAM_TOKENS = 4, 32
THREADS = "INFERENCE_NUM_THREADS"
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Guesses = Annotated[int, msgspec.Meta(ge=1, le=16)]
Work = Literal["chat", "code", "agent"]
"""The kind of work to be quick at."""


@dataclass(frozen=True)
class PipelineSettings:
    """What is tried. None is the library's own: tokens of a prompt that one step works on, threads of a CPU, the KV
    cache's precision, tokens guessed at a time from the prompt or by the draft model."""

    pipeline: Literal["continuous_batching", "llm_pipeline"]
    max_num_batched_tokens: _Count | None = None
    threads: _Count | None = None
    kv_cache_precision: Literal["f16", "int8", "int4"] | None = None
    prompt_lookup: _Guesses | None = None
    drafted_tokens: _Guesses | None = None

    def filling(self, assignment: ModelAssignment) -> ModelAssignment:
        """An assignment with these settings where it leaves them open."""
        found: dict[str, Any] = {"pipeline": self.pipeline}
        for name in ("max_num_batched_tokens", "kv_cache_precision", "prompt_lookup"):
            if getattr(assignment, name) is None:
                found[name] = getattr(self, name)
        if self.threads is not None:
            found["extra_config"] = {THREADS: self.threads, **assignment.extra_config}
        if self.drafted_tokens is not None:
            found["draft"] = assignment.draft or "auto"
            if assignment.num_assistant_tokens is None:
                found["num_assistant_tokens"] = self.drafted_tokens
        return assignment.model_copy(update=found)


@dataclass(frozen=True)
class TuningTrial:
    """How one set of settings did: seconds, and tokens per second of a single answer. `stage`: those of a later one
    are tried on top of the best before it."""

    settings: PipelineSettings
    load_seconds: float
    cold_seconds: float
    second_turn_seconds: float
    tokens_per_second: float
    four_streams_seconds: float
    stage: int = 0

    @property
    def seconds(self) -> float:
        """A new conversation's first token, its second turn's, one answer, and four at once: all together."""
        answer = DECODED_TOKENS / self.tokens_per_second if self.tokens_per_second > 0 else math.inf
        return self.cold_seconds + self.second_turn_seconds + answer + self.four_streams_seconds


class Tuning(msgspec.Struct, frozen=True):
    """The trials of one model on one device. `device` is its full name: another one needs trials of its own."""

    model: str
    device: str
    openvino: str
    measured_at: str
    prompt_tokens: int
    trials: Annotated[list[TuningTrial], msgspec.Meta(min_length=1)]
    work: Work = "chat"

    @property
    def best(self) -> PipelineSettings:
        return self.best_trial.settings

    @property
    def best_trial(self) -> TuningTrial:
        return best_of(self.trials)


def best_of(trials: Sequence[TuningTrial]) -> TuningTrial:
    """The first of the trials, which is the default, unless another was clearly quicker; of each stage the quickest
    that is clearly quicker than the best of the stages before it."""
    best = trials[0]
    for _, stage in groupby(trials, key=lambda trial: trial.stage):
        quickest = min(stage, key=lambda trial: trial.seconds)
        if quickest.seconds < _CLEARLY * best.seconds:
            best = quickest
    return best


class TuningStore:
    """One JSON file. One that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._file = JsonStore[tuple[Tuning, ...]](path, _decoded, _encoded, missing=())

    def find(self, model_id: str, device: str) -> Tuning | None:
        """The newest tuning of a model on the device of that full name."""
        found = (entry for entry in self.all() if (entry.model, entry.device) == (model_id, device))
        return next(found, None)

    def all(self) -> tuple[Tuning, ...]:
        """The newest tuning of each model on each device; the same object as long as the file stays as it is."""
        try:
            return self._file.read()
        except OSError:
            return ()

    def record(self, tuning: Tuning) -> None:
        """Raises OSError."""
        key = (tuning.model, tuning.device)
        self._file.change(lambda before: (tuning, *(each for each in before if (each.model, each.device) != key)))


def _decoded(data: bytes) -> tuple[Tuning, ...]:
    with contextlib.suppress(*BROKEN_FILE):
        return msgspec.json.decode(data, type=tuple[Tuning, ...])
    return ()


def _encoded(tunings: tuple[Tuning, ...]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(tunings), indent=1) + b"\n"


def tuning_store(data_dir: Path) -> TuningStore:
    """The book of a data directory."""
    return TuningStore(data_dir / "tuning.json")

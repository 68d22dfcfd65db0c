"""What tuning found, kept over restarts: `pipeline: "auto"` follows it."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from storage.files import BROKEN_FILE
from storage.json_store import JsonStore

_CLEARLY = 0.9
DECODED_TOKENS = 64
STREAMS, STREAM_TOKENS = 4, 32


class PipelineSettings(msgspec.Struct, frozen=True):
    """What is tried. `max_num_batched_tokens`: how much of a prompt one step works on; None is the library's own."""

    pipeline: Literal["continuous_batching", "llm_pipeline"]
    max_num_batched_tokens: int | None = None


class TuningTrial(msgspec.Struct, frozen=True):
    """How one set of settings did: seconds, and tokens per second of a single answer."""

    settings: PipelineSettings
    load_seconds: float
    cold_seconds: float
    second_turn_seconds: float
    tokens_per_second: float
    four_streams_seconds: float

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

    @property
    def best(self) -> PipelineSettings:
        """The first of the trials, which is the default, unless another was clearly quicker."""
        default, best = self.trials[0], min(self.trials, key=lambda trial: trial.seconds)
        return best.settings if best.seconds < _CLEARLY * default.seconds else default.settings


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

"""A pull as the page sees it, and the list of pulls on disk."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from notices import as_phrase, as_text, restored
from registry.disk import write_json
from storage.files import BROKEN_FILE, read_bytes

JobState = Literal["queued", "resolving", "downloading", "verifying", "ready", "failed", "paused", "cancelled"]
ACTIVE: frozenset[JobState] = frozenset({"queued", "resolving", "downloading", "verifying"})
_KEPT = 50
logger = logging.getLogger(__name__)
_SPEED_WINDOW = 5.0
_SHORTEST_SPAN = 0.2


@dataclass(frozen=True)
class FileProgress:
    path: str
    size: int
    done: int = 0


@dataclass(frozen=True)
class JobError:
    """type: the code of the error in registry.errors; details as there."""

    type: str
    message: str
    status: int
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PullJob:
    """Times in seconds since the epoch, sizes in bytes. notes: what the user should know though nothing failed.
    variant: the GGUF file that was asked for, in full or by its quantisation."""

    id: str
    model_id: str
    revision: str | None
    state: JobState
    created_at: float
    commit: str | None = None
    files: tuple[FileProgress, ...] = ()
    bytes_per_second: float | None = None
    error: JobError | None = None
    notes: tuple[str, ...] = ()
    variant: str | None = None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def bytes_total(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def bytes_done(self) -> int:
        return sum(file.done for file in self.files)

    @property
    def percent(self) -> int | None:
        return min(100 * self.bytes_done // self.bytes_total, 100) if self.bytes_total else None

    @property
    def eta_seconds(self) -> float | None:
        if not self.bytes_per_second or self.state != "downloading":
            return None
        return (self.bytes_total - self.bytes_done) / self.bytes_per_second

    def with_done(self, index: int, done: int) -> PullJob:
        """Downloading, and so many bytes of one file here."""
        files = (*self.files[:index], replace(self.files[index], done=done), *self.files[index + 1 :])
        return replace(self, state="downloading", files=files)

    def as_dict(self) -> dict[str, Any]:
        """For JSON, the computed figures included."""
        figures = {"bytes_total": self.bytes_total, "bytes_done": self.bytes_done, "eta_seconds": self.eta_seconds}
        return msgspec.to_builtins(self, enc_hook=as_text) | figures


def new_job(state: JobState, model_id: str, revision: str | None, variant: str | None) -> PullJob:
    return PullJob(uuid.uuid4().hex[:12], model_id, revision, state, time.time(), variant=variant)


class TransferRateMeter:
    """Bytes a second over the last few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, done: int) -> float | None:
        """Note the bytes done in all; the speed, once two moments are known."""
        now = self._clock()
        self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[0][0] > _SPEED_WINDOW:
            self._samples.popleft()
        start, before = self._samples[0]
        return max(done - before, 0) / (now - start) if now - start > _SHORTEST_SPAN else None


class JobStore:
    """jobs.json: written at each change of a state, so that a restart knows what was under way."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> list[PullJob]:
        """What was under way comes back as queued. An unreadable file counts as empty: pulling again mends it."""
        try:
            entries = json.loads(read_bytes(self._path))
            jobs = [msgspec.convert(restored(entry), PullJob) for entry in entries]
        except BROKEN_FILE:
            return []
        return [replace(job, state="queued", bytes_per_second=None) if job.active else job for job in jobs]

    def save(self, jobs: list[PullJob]) -> None:
        finished = [job for job in jobs if not job.active and job.state != "paused"]
        dropped = {job.id for job in finished[:-_KEPT]}
        entries = [msgspec.to_builtins(job, enc_hook=as_phrase) for job in jobs if job.id not in dropped]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, entries, durable=False)
        except OSError as error:  # a full disk must not end the downloads that filled it
            logger.warning("The list of pulls cannot be written: %s", error)

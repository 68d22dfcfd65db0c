"""A conversion as the page sees it, and the list of conversions on disk."""

from __future__ import annotations

import json
import logging
import time
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from conversion.recipes import TargetDevice, Weights
from notices import as_phrase, as_text, restored
from registry.disk import write_json
from registry.jobs import JobError
from storage.files import BROKEN_FILE, read_bytes

ConversionState = Literal[
    "queued", "checking", "installing", "downloading", "converting", "verifying", "ready", "failed", "paused",
    "cancelled",
]  # fmt: skip
ACTIVE: frozenset[ConversionState] = frozenset(
    {"queued", "checking", "installing", "downloading", "converting", "verifying"}
)
LOG_LINES = 12
_KEPT = 20
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConversionRequest:
    """`source`: organisation/name on the hub, or the path of a folder of this machine. `model_id`: what the result is
    to be called, by itself the source's name with the weights' form. `adapter`: a LoRA adapter that becomes part of it,
    named as the source is."""

    source: str
    device: TargetDevice = "gpu"
    weights: Weights | None = None
    model_id: str | None = None
    revision: str | None = None
    adapter: str | None = None
    trust_remote_code: bool = False


@dataclass(frozen=True)
class ConversionJob:
    """Times in seconds since the epoch, sizes in bytes. `model_id`: of the result, once the source has been looked at
    where it depends on that. `stage`: what the exporter is at, one of loading, merging, exporting, compressing.
    `started_at`: when the present state began. `log`: the last lines of it. `notes`: what the user should know."""

    id: str
    request: ConversionRequest
    state: ConversionState
    created_at: float
    started_at: float
    model_id: str | None = None
    commit: str | None = None
    license: str | None = None
    recipe: str = ""
    stage: str = ""
    bytes_total: int = 0
    bytes_done: int = 0
    error: JobError | None = None
    notes: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    verified: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def percent(self) -> int | None:
        """Of the download."""
        downloading = self.state == "downloading" and self.bytes_total
        return min(100 * self.bytes_done // self.bytes_total, 100) if downloading else None

    @property
    def name(self) -> str:
        return self.model_id or self.request.source

    def entering(self, state: ConversionState) -> ConversionJob:
        return replace(self, state=state, stage="", started_at=time.time())

    def with_line(self, line: str) -> ConversionJob:
        return replace(self, log=(*self.log, line)[-LOG_LINES:])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return msgspec.to_builtins(self, enc_hook=as_text) | {"percent": self.percent}


def is_folder(source: str) -> bool:
    """Of this machine; else a model's name on the hub."""
    return Path(source).is_absolute()


def new_conversion(request: ConversionRequest) -> ConversionJob:
    now = time.time()
    return ConversionJob(uuid.uuid4().hex[:12], request, "queued", now, now)


class ConversionStore:
    """conversions.json: written at each change of a state, so that a restart knows what was under way."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> list[ConversionJob]:
        """What was under way comes back as queued. An unreadable file counts as empty."""
        try:
            entries = json.loads(read_bytes(self._path))
            jobs = [msgspec.convert(restored(entry), ConversionJob) for entry in entries]
        except BROKEN_FILE:
            return []
        return [replace(job, state="queued", stage="") if job.active else job for job in jobs]

    def save(self, jobs: list[ConversionJob]) -> None:
        ended = [job for job in jobs if not job.active and job.state != "paused"]
        dropped = {job.id for job in ended[:-_KEPT]}
        entries = [msgspec.to_builtins(job, enc_hook=as_phrase) for job in jobs if job.id not in dropped]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, entries, durable=False)
        except OSError as error:  # a full disk must not end the conversion that filled it
            logger.warning("The list of conversions cannot be written: %s", error)

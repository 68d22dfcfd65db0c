"""Downloads as the page shows them."""

from __future__ import annotations

from dataclasses import dataclass

from model_registry import PullJob
from registry.jobs import ACTIVE, JobError


@dataclass(frozen=True)
class JobRow:
    """One download. `speed` in bytes per second, `remaining` in seconds."""

    id: str
    model_id: str
    revision: str | None
    state: str
    done_bytes: int
    total_bytes: int
    speed: float | None
    remaining: float | None
    error: JobError | None
    notes: tuple[str, ...] = ()

    @property
    def percent(self) -> int | None:
        return min(100 * self.done_bytes // self.total_bytes, 100) if self.total_bytes else None

    @property
    def open(self) -> bool:
        return self.state in ACTIVE


def job_row(job: PullJob) -> JobRow:
    return JobRow(
        id=job.id,
        model_id=job.model_id,
        revision=job.revision,
        state=job.state,
        done_bytes=job.bytes_done,
        total_bytes=job.bytes_total,
        speed=job.bytes_per_second,
        remaining=job.eta_seconds,
        error=job.error,
        notes=job.notes,
    )

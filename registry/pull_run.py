"""One pull: a child process downloads into .partial until the model is whole and can be put in its place."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from notices import Notice, notice_of
from registry.disk import little_room
from registry.downloader_protocol import (
    DownloadProgress,
    DownloadReportedFailure,
    DownloadRequest,
    Event,
    Refetching,
    Resolved,
    Verifying,
)
from registry.errors import DownloadFailed, PulledElsewhere, RegistryError, RevisionNotFound, error_named
from registry.jobs import FileProgress, JobError, PullJob, TransferRateMeter
from registry.names import model_directory, partial_directory
from registry.partial import install
from registry.process import DownloaderDied, download_events
from registry.settings import HubSettings

_RESTARTS = 3
logger = logging.getLogger(__name__)


class PullRun:
    """`read` answers the job as it is, `write` replaces it.

    free: bytes that it may write. retry_wait: the downloader's first pause, seconds.
    """

    def __init__(
        self,
        models_dir: Path,
        hub: Callable[[], HubSettings],
        read: Callable[[], PullJob],
        write: Callable[[PullJob], object],
        *,
        free: Callable[[], int],
        retry_wait: float,
    ) -> None:
        self._models_dir = models_dir
        self._hub = hub
        self._read = read
        self._write = write
        self._free = free
        self._retry_wait = retry_wait

    async def run(self) -> None:
        """A downloader that dies is started again where it was; what else goes wrong ends the job."""
        restarts = 0
        while self._read().active:
            done = self._read().bytes_done
            try:
                await self._download()
                return
            except DownloaderDied as death:
                restarts = restarts + 1 if self._read().bytes_done <= done else 1
                logger.warning("Download of %s: %s", self._read().model_id, death)
                if restarts > _RESTARTS:
                    self._fail(DownloadFailed(Notice("notices.resume_to_try_again", sentence=death)))
            except PulledElsewhere as error:  # the other one may end well, or leave something to go on with
                self._write(replace(self._read(), state="queued", notes=(error.message,)))
            except RegistryError as error:
                self._fail(error)
            except OSError as error:
                self._fail(DownloadFailed(Notice("notices.model_not_stored", error=error)))

    def _fail(self, error: RegistryError) -> None:
        job = self._read()
        details = JobError(error.code, error.message, error.status, error.details)
        commit = None if isinstance(error, RevisionNotFound) else job.commit
        self._write(replace(job, state="failed", error=details, commit=commit, bytes_per_second=None))
        logger.warning("Pull of %s failed: %s", job.model_id, error.message)

    async def _download(self) -> None:
        """One run of the child process. Raises DownloaderDied, RegistryError."""
        job = replace(self._read(), state="resolving", bytes_per_second=None)
        self._write(job)
        meter = TransferRateMeter()
        async with contextlib.aclosing(download_events(self._request(job))) as events:
            async for event in events:
                self._apply(event, meter)
        await self._install()

    def _request(self, job: PullJob) -> DownloadRequest:
        hub = self._hub()
        target = model_directory(self._models_dir, job.model_id)
        return DownloadRequest(
            model_id=job.model_id,
            directory=str(partial_directory(self._models_dir, job.model_id)),
            endpoint=hub.endpoint,
            kind=hub.kind,
            installed=str(target) if target.is_dir() else None,
            variant=job.variant,
            revision=job.revision,
            commit=job.commit,
            token=hub.token,
            free_bytes=self._free(),
            retry_wait=self._retry_wait,
            speed_limit_mb=hub.speed_limit_mb,
        )

    def _apply(self, event: Event, meter: TransferRateMeter) -> None:
        """Raises RegistryError, the one the child reports."""
        job = self._read()
        if isinstance(event, DownloadReportedFailure):
            raise error_named(event.error, notice_of(event.message), event.details)
        if isinstance(event, Resolved):
            notes = (Notice("notices.pulled_without_token"),) if event.token_refused else ()
            files = zip(event.files, event.done, strict=True)
            progress = tuple(FileProgress(file.path, file.size, done) for file, done in files)
            job = replace(job, state="downloading", commit=event.commit, files=progress)
            job = replace(job, notes=notes + self._room_note(job))
        elif isinstance(event, DownloadProgress):
            job = job.with_done(event.file, event.done)
        elif isinstance(event, Refetching):
            job = job.with_done(event.file, 0)
        elif isinstance(event, Verifying):
            job = replace(job, state="verifying")
        speed = meter.add(job.bytes_done) if job.state == "downloading" else None
        self._write(replace(job, bytes_per_second=speed))

    def _room_note(self, job: PullJob) -> tuple[str, ...]:
        """GPU and NPU keep compiled models on disk too, which can take as much again."""
        left = self._free() - (job.bytes_total - job.bytes_done)
        return () if left >= job.bytes_total else (little_room(left),)

    async def _install(self) -> None:
        job = self._read()
        partial = partial_directory(self._models_dir, job.model_id)
        await install(partial, model_directory(self._models_dir, job.model_id), self._models_dir)
        files = tuple(replace(file, done=file.size) for file in job.files)
        self._write(replace(job, state="ready", files=files, bytes_per_second=None))

"""The pull jobs: queued, under way, paused and ended, and what can be done with each."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

from notices import Notice
from registry.disk import free_bytes
from registry.errors import JobNotFound, RegistryConflict
from registry.gguf_choice import split_variant
from registry.jobs import JobState, JobStore, PullJob, new_job
from registry.local import read_metadata
from registry.names import (
    PARTIAL,
    check_model_id,
    check_revision,
    directory_name,
    model_directory,
    partial_directory,
)
from registry.partial import remove_lock, stray_plans
from registry.pull_run import PullRun
from registry.settings import HubSettings

JOBS_FILE = "jobs.json"


class PullManager:
    """Runs at most `limit` downloads at once. Its methods are called on one event loop; jobs are replaced, not changed.

    free: bytes that may be written to the volume of a directory. retry_wait: the downloader's first pause, seconds.
    """

    def __init__(
        self,
        models_dir: Path,
        hub: Callable[[], HubSettings],
        *,
        limit: int = 2,
        retry_wait: float = 1.0,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._models_dir = models_dir
        self._hub = hub
        self._retry_wait = retry_wait
        self._free = free
        self._store = JobStore(models_dir / PARTIAL / JOBS_FILE)
        self._jobs = {job.id: job for job in self._store.load()}
        self._slots = asyncio.Semaphore(limit)
        self._alone = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cleanups: set[asyncio.Task[None]] = set()
        self._directory_locks: dict[str, asyncio.Lock] = {}

    def start(self) -> None:
        """Go on with what was under way when the process last ended; find what no list knows any more."""
        known = {directory_name(job.model_id) for job in self._jobs.values() if job.state not in ("ready", "cancelled")}
        for plan in stray_plans(self._models_dir / PARTIAL, known):
            self._set(new_job("paused", plan.model_id, plan.revision, plan.variant))
        for job in self.jobs():
            if job.active and job.id not in self._tasks:
                self._launch(job)

    async def stop(self) -> None:
        """End the downloads; they are queued again at the next start."""
        tasks = [*self._tasks.values(), *self._cleanups]
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def jobs(self) -> list[PullJob]:
        """Oldest first."""
        return list(self._jobs.values())

    def job(self, job_id: str) -> PullJob:
        """Raises JobNotFound."""
        if job_id not in self._jobs:
            raise JobNotFound(Notice("notices.no_pull_job", job=job_id))
        return self._jobs[job_id]

    def pull(self, model_id: str, revision: str | None = None) -> PullJob:
        """Queue a download; the unfinished job for the same model and revision goes on, if there is one.

        model_id: of a GGUF repository with the file that is meant behind a colon. Raises InvalidModelName, Conflict
        (another revision or file of the model is being pulled).
        """
        model_id, variant = split_variant(model_id)
        check_model_id(model_id)
        installed = read_metadata(model_directory(self._models_dir, model_id))
        variant = variant or (installed.variant if installed else None)
        revision = check_revision(revision)
        under_way = self.under_way(model_id)
        if under_way and (under_way.revision, under_way.variant) == (revision, variant):
            return self.resume(under_way.id)
        if under_way:
            other = under_way.variant or under_way.revision or Notice("notices.default_revision")
            raise RegistryConflict(Notice("notices.pulled_already", model=model_id, revision=other))
        self._check_directory(model_id)
        wanted = (model_id, revision, variant)
        for job in self._jobs.values():
            if job.state == "failed" and (job.model_id, job.revision, job.variant) == wanted:
                return self.resume(job.id)
        self.forget(model_id)
        job = self._set(new_job("queued", *wanted))
        self._launch(job)
        return job

    def forget(self, model_id: str) -> None:
        """Take the ended jobs of a model off the list."""
        ended = [
            job.id for job in self.jobs() if job.model_id == model_id and not (job.active or job.state == "paused")
        ]
        for job_id in ended:
            del self._jobs[job_id]
        if ended:
            self._store.save(self.jobs())

    def begin_anew(self) -> None:
        """Downloads that run go on from where they are, with the settings as they are now."""
        for job_id, task in list(self._tasks.items()):
            task.cancel()
            self._launch(self._set(replace(self.job(job_id), state="queued", bytes_per_second=None)))

    def under_way(self, model_id: str) -> PullJob | None:
        """The active or paused job that writes to a model's directory."""
        directory = directory_name(model_id).casefold()
        for job in self._jobs.values():
            if directory_name(job.model_id).casefold() == directory and (job.active or job.state == "paused"):
                return job
        return None

    def pause(self, job_id: str) -> PullJob:
        """Stop a download and keep what it has. Raises JobNotFound, Conflict."""
        job = self.job(job_id)
        if not job.active:
            raise RegistryConflict(Notice("notices.nothing_to_pause", model=job.model_id, state=job.state))
        return self._end(job, "paused")

    def resume(self, job_id: str) -> PullJob:
        """Go on with a paused, failed or cancelled job. Raises JobNotFound, Conflict."""
        job = self.job(job_id)
        if job.active:
            if job.id not in self._tasks:  # of the last run, and start() was not called
                self._launch(job)
            return job
        other = self.under_way(job.model_id)
        if job.state == "ready" or (other and other.id != job.id):
            raise RegistryConflict(Notice("notices.nothing_to_resume", model=job.model_id, state=(other or job).state))
        job = self._set(replace(job, state="queued", error=None, notes=()))
        self._launch(job)
        return job

    def cancel(self, job_id: str) -> PullJob:
        """Stop a job and delete what it has downloaded. Raises JobNotFound, Conflict."""
        job = self.job(job_id)
        if job.state == "ready":
            raise RegistryConflict(Notice("notices.pull_ready", model=job.model_id))
        if self.under_way(job.model_id) in (None, job):
            self._background(self._discard(job))
        return self._end(job, "cancelled")

    def dismiss(self, job_id: str) -> None:
        """Take an ended job off the list. Raises JobNotFound, Conflict (there is still something of it)."""
        job = self.job(job_id)
        if job.state not in ("ready", "cancelled") and self.under_way(job.model_id) in (None, job):
            raise RegistryConflict(Notice("notices.cancel_pull_first", model=job.model_id, state=job.state))
        del self._jobs[job_id]
        self._store.save(self.jobs())

    async def settled(self, job_id: str) -> PullJob:
        """Wait until a job is no longer active and what belongs to it has been cleared."""
        while (task := self._tasks.get(job_id)) is not None or self._cleanups:
            await asyncio.wait({*([task] if task else []), *self._cleanups})
        return self.job(job_id)

    def _set(self, job: PullJob) -> PullJob:
        known = self._jobs.get(job.id)
        self._jobs[job.id] = job
        if known is None or known.state != job.state:
            self._store.save(self.jobs())
        return job

    def _launch(self, job: PullJob) -> None:
        task = asyncio.get_running_loop().create_task(self._run(job.id), name=f"pull {job.model_id}")
        self._tasks[job.id] = task
        task.add_done_callback(lambda done: self._forget(job.id, done))

    def _forget(self, job_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(job_id) is task:
            del self._tasks[job_id]

    def _end(self, job: PullJob, state: JobState) -> PullJob:
        ended = self._set(replace(job, state=state, bytes_per_second=None, error=None))
        if task := self._tasks.get(job.id):
            task.cancel()
        return ended

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._cleanups.add(task)
        task.add_done_callback(self._cleanups.discard)

    async def _discard(self, job: PullJob) -> None:
        async with self._lock(job):
            partial = partial_directory(self._models_dir, job.model_id)
            await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)
            cancelled = self._jobs.get(job.id)
            if cancelled and cancelled.state == "cancelled":
                self._set(replace(cancelled, files=()))

    def _lock(self, job: PullJob) -> asyncio.Lock:
        return self._directory_locks.setdefault(directory_name(job.model_id).casefold(), asyncio.Lock())

    def _check_directory(self, model_id: str) -> None:
        """Two ids can share a directory name (a_b/c, a/b_c): the first stays."""
        target = model_directory(self._models_dir, model_id)
        metadata = read_metadata(target)
        if metadata and metadata.model_id.casefold() != model_id.casefold():
            raise RegistryConflict(
                Notice("notices.directory_of_another", directory=target.name, model=metadata.model_id)
            )
        if target.exists() and metadata is None:
            raise RegistryConflict(Notice("notices.directory_by_hand", directory=target.name))

    async def _run(self, job_id: str) -> None:
        job = self.job(job_id)
        # Under a limit of speed they take turns: so all of them together keep to it.
        turn = self._alone if self._hub().speed_limit_mb else contextlib.nullcontext()
        async with self._lock(job), turn, self._slots:
            try:
                await PullRun(
                    self._models_dir,
                    self._hub,
                    lambda: self.job(job_id),
                    self._set,
                    free=lambda: self._free_for(job_id),
                    retry_wait=self._retry_wait,
                ).run()
            finally:
                remove_lock(partial_directory(self._models_dir, job.model_id))

    def _free_for(self, job_id: str) -> int:
        """Bytes that a download may write: what the others under way have still to write is theirs."""
        others = [other for other in self.jobs() if other.active and other.id != job_id]
        return self._free(self._models_dir) - sum(other.bytes_total - other.bytes_done for other in others)

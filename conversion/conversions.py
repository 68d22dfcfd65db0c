"""Conversion jobs: one at a time, each resumed or cleared up, and a model only once it has been verified."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace

from conversion.errors import ConversionFailed
from conversion.jobs import (
    ConversionJob,
    ConversionRequest,
    ConversionState,
    ConversionStore,
    is_folder,
    new_conversion,
)
from conversion.run import ConversionRun, ConversionTools
from conversion.toolchain import Converter
from conversion.workspace import Workspace, remove_strays
from memory.readings import MemoryReading, read_system_memory
from model_registry import ModelRegistry
from notices import Notice
from registry.errors import DownloadFailed, JobNotFound, RegistryConflict, RegistryError
from registry.jobs import JobError
from registry.names import PARTIAL, check_model_id, check_revision
from registry.process import DownloaderDied

JOBS_FILE = "conversions.json"
_RESTARTS = 3
logger = logging.getLogger(__name__)


class Conversions:
    """Its methods are called on one event loop. Going on needs `start`; `stop` ends the processes, and the next `start`
    resumes them. `memory`: what the machine has; `verification`: the command that tries a model, for tests."""

    def __init__(
        self,
        registry: ModelRegistry,
        converter: Converter,
        *,
        memory: Callable[[], MemoryReading] = read_system_memory,
        verification: tuple[str, ...] | None = None,
        retry_wait: float = 1.0,
    ) -> None:
        self.converter = converter
        self._tools = ConversionTools(registry, converter, memory, verification, retry_wait)
        self._models_dir = registry.models_dir
        self._store = ConversionStore(self._models_dir / PARTIAL / JOBS_FILE)
        self._jobs = {job.id: job for job in self._store.load()}
        self._slot = asyncio.Semaphore(1)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cleanups: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        remove_strays(self._models_dir, {job.id for job in self.jobs() if job.state not in ("ready", "cancelled")})
        for job in self.jobs():
            if job.active and job.id not in self._tasks:
                self._launch(job)
        self._background(self._remove_half_a_converter())

    async def stop(self) -> None:
        tasks = [*self._tasks.values(), *self._cleanups]
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def jobs(self) -> list[ConversionJob]:
        """Oldest first."""
        return list(self._jobs.values())

    def job(self, job_id: str) -> ConversionJob:
        """Raises JobNotFound."""
        if job_id not in self._jobs:
            raise JobNotFound(Notice("notices.no_conversion_job", job=job_id))
        return self._jobs[job_id]

    def convert(self, request: ConversionRequest) -> ConversionJob:
        """Queue a conversion; the unfinished job of the same request goes on, if there is one. What the checks find
        comes as the job's error. Raises InvalidModelName, Conflict."""
        if not is_folder(request.source):
            check_model_id(request.source)
        if request.adapter and not is_folder(request.adapter):
            check_model_id(request.adapter)
        if request.model_id:
            check_model_id(request.model_id)
        request = replace(request, revision=check_revision(request.revision))
        for job in self.jobs():
            if job.request == request and job.state not in ("ready", "cancelled"):
                return self.resume(job.id)
        job = self._set(new_conversion(request))
        self._launch(job)
        return job

    def pause(self, job_id: str) -> ConversionJob:
        """Stop and keep what was downloaded. Raises JobNotFound, Conflict."""
        job = self.job(job_id)
        if not job.active:
            raise RegistryConflict(Notice("notices.conversion_not_active", model=job.name, state=job.state))
        return self._end(job, "paused")

    def resume(self, job_id: str) -> ConversionJob:
        """Go on with a paused, failed or cancelled job. Raises JobNotFound, Conflict."""
        job = self.job(job_id)
        if job.state == "ready":
            raise RegistryConflict(Notice("notices.conversion_not_active", model=job.name, state=job.state))
        if not job.active:
            job = self._set(replace(job, error=None, notes=(), log=()).entering("queued"))
            self._launch(job)  # its turn comes once what it was doing has ended
        elif job.id not in self._tasks:  # of the last run, and start() was not called
            self._launch(job)
        return job

    def cancel(self, job_id: str) -> ConversionJob:
        """Stop and delete all there is of it. Raises JobNotFound, Conflict."""
        job = self.job(job_id)
        if job.state == "ready":
            raise RegistryConflict(Notice("notices.conversion_not_active", model=job.name, state=job.state))
        task = self._tasks.get(job.id)
        ended = self._end(job, "cancelled")
        self._background(self._discard(job, task))
        return ended

    def dismiss(self, job_id: str) -> None:
        """Take an ended job off the list. Raises JobNotFound, Conflict (there is still something of it)."""
        job = self.job(job_id)
        if job.state not in ("ready", "cancelled"):
            raise RegistryConflict(Notice("notices.cancel_conversion_first", model=job.name, state=job.state))
        del self._jobs[job_id]
        self._store.save(self.jobs())

    def log(self, job_id: str) -> str:
        """All that its tools have said. Raises JobNotFound."""
        path = Workspace(self._models_dir, self.job(job_id).id).log
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "\n".join(self.job(job_id).log)

    async def remove_converter(self) -> int:
        """The bytes freed. Raises Conflict while a conversion is under way, OSError."""
        if any(job.active for job in self.jobs()):
            raise RegistryConflict(Notice("notices.converter_in_use"))
        return await asyncio.to_thread(self.converter.remove)

    async def settled(self, job_id: str) -> ConversionJob:
        """Wait until a job is no longer active and what belongs to it has been cleared."""
        while (task := self._tasks.get(job_id)) is not None or self._cleanups:
            await asyncio.wait({*([task] if task else []), *self._cleanups})
        return self.job(job_id)

    def _set(self, job: ConversionJob) -> ConversionJob:
        known = self._jobs.get(job.id)
        self._jobs[job.id] = job
        if known is None or known.state != job.state:
            self._store.save(self.jobs())
        return job

    def _launch(self, job: ConversionJob) -> None:
        task = asyncio.get_running_loop().create_task(self._run(job.id), name=f"convert {job.name}")
        self._tasks[job.id] = task
        task.add_done_callback(lambda done: self._forget(job.id, done))

    def _forget(self, job_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(job_id) is task:
            del self._tasks[job_id]

    def _end(self, job: ConversionJob, state: ConversionState) -> ConversionJob:
        ended = self._set(replace(job.entering(state), error=None))
        if task := self._tasks.get(job.id):
            task.cancel()
        return ended

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._cleanups.add(task)
        task.add_done_callback(self._cleanups.discard)

    async def _discard(self, job: ConversionJob, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            await asyncio.wait({task})
        if self._jobs.get(job.id, job).state == "cancelled":
            await asyncio.to_thread(Workspace(self._models_dir, job.id).remove)
        await self._remove_half_a_converter()

    async def _remove_half_a_converter(self) -> None:
        """Of an installation that was killed, unless one goes on."""
        if self.converter.installed or any(job.active for job in self.jobs()):
            return
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self.converter.remove)

    async def _run(self, job_id: str) -> None:
        try:
            async with self._slot:
                space = Workspace(self._models_dir, job_id)
                await ConversionRun(self._tools, space, lambda: self.job(job_id), self._set).run()
        except RegistryError as error:
            await self._fail(job_id, error)
        except DownloaderDied as death:
            await self._fail(job_id, DownloadFailed(Notice("notices.resume_to_try_again", sentence=str(death))))
        except OSError as error:
            await self._fail(job_id, DownloadFailed(Notice("notices.model_not_stored", error=error)))
        except Exception as error:  # a file that is not what its name says, a library's surprise: one job's trouble
            logger.exception("The conversion of %s failed", self.job(job_id).request.source)
            reason = f"{type(error).__name__}: {error}"
            await self._fail(job_id, ConversionFailed(Notice("notices.export_failed", reason=reason)))

    async def _fail(self, job_id: str, error: RegistryError) -> None:
        """What was downloaded stays for another try; what was made of it goes."""
        with contextlib.suppress(OSError):
            await asyncio.to_thread(Workspace(self._models_dir, job_id).clear_output)
        details = JobError(error.code, error.message, error.status, error.details)
        job = self._set(replace(self.job(job_id).entering("failed"), error=details))
        logger.warning("The conversion of %s failed: %s", job.request.source, error.message)

"""Conversion jobs: one at a time, each resumed or cleared up, and a model only once it has been verified."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path

import humanize

from conversion import steps
from conversion.checks import check_disk, check_memory, licence_note, reckon
from conversion.errors import ConversionFailed, NotConvertible
from conversion.jobs import ConversionJob, ConversionRequest, ConversionState, ConversionStore, new_conversion
from conversion.recipes import ExportRecipe, choose_recipe
from conversion.source import ModelSource, read_source
from conversion.toolchain import Converter
from conversion.workspace import Workspace, remove_strays
from memory.readings import MemoryReading, read_system_memory
from model_registry import ModelRegistry
from notices import Notice
from registry.downloader_protocol import DownloadForm, DownloadProgress, Resolved
from registry.errors import DownloadFailed, JobNotFound, RegistryConflict, RegistryError
from registry.jobs import JobError
from registry.local import model_id_of, read_metadata
from registry.names import PARTIAL, check_model_id, check_revision, directory_name, inside
from registry.partial import install
from registry.process import DownloaderDied

JOBS_FILE = "conversions.json"
_RESTARTS = 3
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Plan:
    """What the checks have found out. `weights_bytes`: of the source."""

    source: ModelSource
    recipe: ExportRecipe
    model_id: str
    folder: Path
    resolved: Resolved | None
    weights_bytes: int


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
        self._registry = registry
        self._models_dir = registry.models_dir
        self._memory = memory
        self._verification = verification
        self._retry_wait = retry_wait
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
        if not _is_folder(request.source):
            check_model_id(request.source)
        if request.adapter and not _is_folder(request.adapter):
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
        if job.id not in self._tasks:
            job = self._set(replace(job, error=None, notes=(), log=()).entering("queued"))
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

    def _enter(self, job_id: str, state: ConversionState) -> None:
        self._set(self.job(job_id).entering(state))

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

    async def _run(self, job_id: str) -> None:
        try:
            async with self._slot:
                await self._convert(job_id)
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

    async def _convert(self, job_id: str) -> None:
        """Raises RegistryError, DownloaderDied, OSError."""
        space = Workspace(self._models_dir, job_id)
        plan = await self._check(job_id, space)
        if not self.converter.installed:
            self._enter(job_id, "installing")
            await self.converter.install(lambda line: self._line(job_id, space, line))
        adapter = await self._download(job_id, space, plan)
        versions = await self._export(job_id, space, plan, adapter)
        self._enter(job_id, "verifying")
        verified = await steps.verify(
            space, plan.recipe, command=self._verification, on_line=lambda line: self._line(job_id, space, line)
        )
        request = self.job(job_id).request
        endpoint = self._registry.hub.endpoint
        parts = (space, plan.model_id, request, plan.recipe, plan.resolved, endpoint, versions, verified)
        await asyncio.to_thread(steps.describe, *parts)
        await install(space.output, inside(self._models_dir, directory_name(plan.model_id)), self._models_dir)
        self._set(replace(self.job(job_id).entering("ready"), verified=verified))
        await asyncio.to_thread(space.remove)
        logger.info("%s was converted to %s.", request.source, plan.model_id)

    async def _check(self, job_id: str, space: Workspace) -> _Plan:
        """Is it known, allowed, and is there room: before anything large comes or is made."""
        self._enter(job_id, "checking")
        request = self.job(job_id).request
        folder, resolved = Path(request.source), None
        if _is_folder(request.source):
            weights = await asyncio.to_thread(_local_weights, folder)
        else:
            folder = space.source
            resolved = await self._fetch(job_id, request.source, folder, "description")
            weights = resolved.weights_bytes
            if not weights:
                raise NotConvertible(Notice("notices.no_safetensors", model=request.source))
        tag = resolved.pipeline_tag if resolved else None
        source = read_source(folder, pipeline_tag=tag, trust_remote_code=request.trust_remote_code)
        if request.adapter and source.task != "text":
            raise NotConvertible(Notice("notices.adapter_of_text_models"))
        recipe = choose_recipe(source, request.device, request.weights)
        model_id = request.model_id or _model_id(request.adapter or request.source, recipe.suffix)
        self._check_target(model_id)
        here = await asyncio.to_thread(steps.size_of, space.source)
        status = self.converter.status()
        size = reckon(
            weights,
            recipe,
            download=max(0, weights - here) if resolved else 0,
            tools=0 if status.installed else status.size_bytes + status.download_bytes,
            merged=request.adapter is not None,
        )
        check_disk(size, self._registry.free_bytes())
        check_memory(size, self._memory())
        notes = [licence_note(resolved.license)] if resolved else []
        if not status.installed:
            notes.append(_installing_note(status.download_bytes, status.size_bytes, status.minutes))
        if source.needs_code:
            notes.append(Notice("notices.runs_remote_code"))
        told = {"commit": resolved.commit, "license": resolved.license} if resolved else {}
        job = replace(self.job(job_id), model_id=model_id, recipe=recipe.command, notes=tuple(notes), **told)
        self._set(job)
        return _Plan(source, recipe, model_id, folder, resolved, weights)

    def _check_target(self, model_id: str) -> None:
        """Raises InvalidModelName, Conflict."""
        check_model_id(model_id)
        target = inside(self._models_dir, directory_name(model_id))
        metadata = read_metadata(target)
        if target.exists() and (metadata is None or metadata.model_id.casefold() != model_id.casefold()):
            raise RegistryConflict(Notice("notices.directory_by_hand", directory=target.name))
        if any(job.active and job.model_id == model_id for job in self._registry.jobs()):
            raise RegistryConflict(Notice("notices.model_being_pulled", model=model_id))

    async def _download(self, job_id: str, space: Workspace, plan: _Plan) -> Path | None:
        """The adapter's folder, where there is one."""
        request = self.job(job_id).request
        self._enter(job_id, "downloading")
        if plan.resolved:
            form: DownloadForm = "safetensors_with_code" if plan.source.needs_code else "safetensors"
            await self._fetch(job_id, request.source, space.source, form)
        if request.adapter is None:
            return None
        if _is_folder(request.adapter):
            return Path(request.adapter)
        await self._fetch(job_id, request.adapter, space.adapter, "safetensors", main=False)
        return space.adapter

    async def _fetch(
        self, job_id: str, model_id: str, folder: Path, form: DownloadForm, *, main: bool = True
    ) -> Resolved:
        """A downloader that dies is started again where it was."""
        for restarts_left in reversed(range(_RESTARTS)):
            try:
                return await self._fetch_once(job_id, model_id, folder, form, main=main)
            except DownloaderDied as death:
                logger.warning("Download of %s: %s", model_id, death)
                if not restarts_left:
                    raise
        raise AssertionError("unreachable")

    async def _fetch_once(
        self, job_id: str, model_id: str, folder: Path, form: DownloadForm, *, main: bool
    ) -> Resolved:
        job = self.job(job_id)
        revision, commit = (job.request.revision, job.commit) if main else (None, None)
        done: list[int] = []
        resolved: Resolved | None = None
        events = steps.fetch(
            self._registry.hub,
            model_id,
            folder,
            form,
            revision=revision,
            commit=commit,
            free=self._registry.free_bytes(),
            retry_wait=self._retry_wait,
        )
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, Resolved):
                    resolved, done = event, list(event.done)
                    total = sum(file.size for file in event.files)
                    self._set(replace(self.job(job_id), bytes_total=total, bytes_done=sum(done)))
                elif isinstance(event, DownloadProgress):
                    done[event.file] = event.done
                    self._set(replace(self.job(job_id), bytes_done=sum(done)))
        assert resolved is not None
        return resolved

    async def _export(self, job_id: str, space: Workspace, plan: _Plan, adapter: Path | None) -> dict[str, str]:
        """The versions of the packages that made it. What was exported before an interruption is not made again."""
        commit = plan.resolved.commit if plan.resolved else None
        how = {"from": str(plan.folder), "commit": commit, "adapter": str(adapter), "recipe": plan.recipe.command}
        finished = await asyncio.to_thread(space.finished)
        if finished.get("how") == how:
            return finished["versions"]
        self._enter(job_id, "converting")
        await asyncio.to_thread(space.clear_output)
        versions = await steps.export(
            self.converter.exporter(space.scratch),
            space,
            plan.folder,
            adapter,
            plan.recipe,
            on_line=lambda line: self._line(job_id, space, line),
            on_stage=lambda stage: self._set(replace(self.job(job_id), stage=stage)),
        )
        await asyncio.to_thread(space.finish, {"how": how, "versions": versions})
        return versions

    def _line(self, job_id: str, space: Workspace, line: str) -> None:
        if line.strip() and job_id in self._jobs:
            space.append(line)
            self._set(self.job(job_id).with_line(line.strip()[:300]))


def _is_folder(source: str) -> bool:
    return Path(source).is_absolute()


def _local_weights(folder: Path) -> int:
    """Raises NotConvertible."""
    if not folder.is_dir():
        raise NotConvertible(Notice("notices.import_no_folder"))
    if not (weights := steps.weights_in(folder)):
        raise NotConvertible(Notice("notices.no_safetensors", model=folder.name))
    return weights


def _model_id(source: str, suffix: str) -> str:
    name = model_id_of(Path(source)) if _is_folder(source) else source
    return f"{name}-{suffix}"


def _installing_note(download: int, size: int, minutes: int) -> str:
    fetched, taken = humanize.naturalsize(download), humanize.naturalsize(size)
    return Notice("notices.converter_is_installed", download=fetched, size=taken, minutes=minutes)

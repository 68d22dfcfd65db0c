"""One conversion from its source to a model in its place."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import humanize

from conversion import steps
from conversion.checks import check_disk, check_memory, licence_note, reckon
from conversion.errors import NotConvertible
from conversion.jobs import ConversionJob, ConversionState, is_folder
from conversion.recipes import ExportRecipe, choose_recipe
from conversion.source import ModelSource, read_source
from conversion.toolchain import Converter
from conversion.workspace import Workspace
from memory.readings import MemoryReading
from model_registry import ModelRegistry
from notices import Notice
from registry.downloader_protocol import DownloadForm, DownloadProgress, Resolved
from registry.errors import JobNotFound, RegistryConflict
from registry.local import model_id_of, read_metadata
from registry.names import check_model_id, model_directory
from registry.partial import install
from registry.process import DownloaderDied

_RESTARTS = 3
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConversionTools:
    """What every conversion works with. `memory`: what the machine has; `verification`: the command that tries a model,
    None for the true one; `retry_wait`: the downloader's first pause, seconds."""

    registry: ModelRegistry
    converter: Converter
    memory: Callable[[], MemoryReading]
    verification: tuple[str, ...] | None
    retry_wait: float


@dataclass(frozen=True)
class _Plan:
    """What the checks have found out."""

    source: ModelSource
    recipe: ExportRecipe
    model_id: str
    folder: Path
    resolved: Resolved | None


class ConversionRun:
    """`read` answers the job as it is, `write` replaces it."""

    def __init__(
        self,
        tools: ConversionTools,
        space: Workspace,
        read: Callable[[], ConversionJob],
        write: Callable[[ConversionJob], object],
    ) -> None:
        self._tools = tools
        self._space = space
        self._read = read
        self._write = write

    async def run(self) -> None:
        """Raises RegistryError, DownloaderDied, OSError."""
        plan = await self._check()
        if not self._tools.converter.installed:
            self._enter("installing")
            await self._tools.converter.install(self._line)
        adapter = await self._download(plan)
        versions = await self._export(plan, adapter)
        self._enter("verifying")
        verified = await steps.verify(self._space, plan.recipe, command=self._tools.verification, on_line=self._line)
        request = self._read().request
        endpoint = self._tools.registry.hub.endpoint
        parts = (self._space, plan.model_id, request, plan.recipe, plan.resolved, endpoint, versions, verified)
        await asyncio.to_thread(steps.describe, *parts)
        await install(
            self._space.output,
            model_directory(self._tools.registry.models_dir, plan.model_id),
            self._tools.registry.models_dir,
        )
        self._write(replace(self._read().entering("ready"), verified=verified))
        await asyncio.to_thread(self._space.remove)
        logger.info("%s was converted to %s.", request.source, plan.model_id)

    async def _check(self) -> _Plan:
        """Is it known, allowed, and is there room: before anything large comes or is made."""
        self._enter("checking")
        request = self._read().request
        folder, resolved = Path(request.source), None
        if is_folder(request.source):
            weights = await asyncio.to_thread(_local_weights, folder)
        else:
            folder = self._space.source
            resolved = await self._fetch(request.source, folder, "description")
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
        here = await asyncio.to_thread(steps.size_of, self._space.source)
        status = self._tools.converter.status()
        size = reckon(
            weights,
            recipe,
            download=max(0, weights - here) if resolved else 0,
            tools=0 if status.installed else status.size_bytes + status.download_bytes,
            merged=request.adapter is not None,
        )
        check_disk(size, self._tools.registry.free_bytes())
        check_memory(size, self._tools.memory())
        notes = [licence_note(resolved.license)] if resolved else []
        if not status.installed:
            notes.append(_installing_note(status.download_bytes, status.size_bytes, status.minutes))
        if source.needs_code:
            notes.append(Notice("notices.runs_remote_code"))
        told = {"commit": resolved.commit, "license": resolved.license} if resolved else {}
        job = replace(self._read(), model_id=model_id, recipe=recipe.command, notes=tuple(notes), **told)
        self._write(job)
        return _Plan(source, recipe, model_id, folder, resolved)

    def _check_target(self, model_id: str) -> None:
        """Raises InvalidModelName, Conflict."""
        check_model_id(model_id)
        target = model_directory(self._tools.registry.models_dir, model_id)
        metadata = read_metadata(target)
        if target.exists() and (metadata is None or metadata.model_id.casefold() != model_id.casefold()):
            raise RegistryConflict(Notice("notices.directory_by_hand", directory=target.name))
        if any(job.active and job.model_id == model_id for job in self._tools.registry.jobs()):
            raise RegistryConflict(Notice("notices.model_being_pulled", model=model_id))

    async def _download(self, plan: _Plan) -> Path | None:
        """The adapter's folder, where there is one."""
        request = self._read().request
        self._enter("downloading")
        if plan.resolved:
            form: DownloadForm = "safetensors_with_code" if plan.source.needs_code else "safetensors"
            await self._fetch(request.source, self._space.source, form)
        if request.adapter is None:
            return None
        if is_folder(request.adapter):
            return Path(request.adapter)
        await self._fetch(request.adapter, self._space.adapter, "safetensors", main=False)
        return self._space.adapter

    async def _fetch(self, model_id: str, folder: Path, form: DownloadForm, *, main: bool = True) -> Resolved:
        """A downloader that dies is started again where it was."""
        for restarts_left in reversed(range(_RESTARTS)):
            try:
                return await self._fetch_once(model_id, folder, form, main=main)
            except DownloaderDied as death:
                logger.warning("Download of %s: %s", model_id, death)
                if not restarts_left:
                    raise
        raise AssertionError("unreachable")

    async def _fetch_once(self, model_id: str, folder: Path, form: DownloadForm, *, main: bool) -> Resolved:
        job = self._read()
        revision, commit = (job.request.revision, job.commit) if main else (None, None)
        done: list[int] = []
        resolved: Resolved | None = None
        events = steps.fetch(
            self._tools.registry.hub,
            model_id,
            folder,
            form,
            revision=revision,
            commit=commit,
            free=self._tools.registry.free_bytes(),
            retry_wait=self._tools.retry_wait,
        )
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, Resolved):
                    resolved, done = event, list(event.done)
                    total = sum(file.size for file in event.files)
                    self._write(replace(self._read(), bytes_total=total, bytes_done=sum(done)))
                elif isinstance(event, DownloadProgress):
                    done[event.file] = event.done
                    self._write(replace(self._read(), bytes_done=sum(done)))
        assert resolved is not None
        return resolved

    async def _export(self, plan: _Plan, adapter: Path | None) -> dict[str, str]:
        """The versions of the packages that made it. What was exported before an interruption is not made again."""
        commit = plan.resolved.commit if plan.resolved else None
        how = {"from": str(plan.folder), "commit": commit, "adapter": str(adapter), "recipe": plan.recipe.command}
        finished = await asyncio.to_thread(self._space.finished)
        if finished.get("how") == how:
            return finished["versions"]
        self._enter("converting")
        await asyncio.to_thread(self._space.clear_output)
        versions = await steps.export(
            self._tools.converter.exporter(self._space.scratch),
            self._space,
            plan.folder,
            adapter,
            plan.recipe,
            on_line=self._line,
            on_stage=lambda stage: self._write(replace(self._read(), stage=stage)),
        )
        await asyncio.to_thread(self._space.finish, {"how": how, "versions": versions})
        return versions

    def _enter(self, state: ConversionState) -> None:
        self._write(self._read().entering(state))

    def _line(self, line: str) -> None:
        if not line.strip():
            return
        with contextlib.suppress(JobNotFound):  # of a job that was cancelled and taken off the list
            self._space.append(line)
            self._write(self._read().with_line(line.strip()[:300]))


def _local_weights(folder: Path) -> int:
    """Raises NotConvertible."""
    if not folder.is_dir():
        raise NotConvertible(Notice("notices.import_no_folder"))
    if not (weights := steps.weights_in(folder)):
        raise NotConvertible(Notice("notices.no_safetensors", model=folder.name))
    return weights


def _model_id(source: str, suffix: str) -> str:
    name = model_id_of(Path(source)) if is_folder(source) else source
    return f"{name}-{suffix}"


def _installing_note(download: int, size: int, minutes: int) -> str:
    fetched, taken = humanize.naturalsize(download), humanize.naturalsize(size)
    return Notice("notices.converter_is_installed", download=fetched, size=taken, minutes=minutes)

"""What models exist: on this machine, on the hub, and on their way from there to here."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from model_files.model_facts import FactsCache
from notices import Notice
from registry.catalogue import Catalogue, CatalogueEntry, CatalogueStore
from registry.disk import empty_trash, free_bytes, move_aside
from registry.errors import (
    DownloadFailed,
    GatedModel,
    HubUnreachable,
    InvalidModelName,
    JobNotFound,
    LocalModelNotFound,
    ModelInUse,
    NotAnOpenVINOModel,
    NotEnoughDisk,
    RegistryConflict,
    RegistryError,
    RevisionNotFound,
    UnsafeRepository,
    UnsupportedModel,
)
from registry.fit import Fit, fit
from registry.imports import ImportMode, import_model
from registry.jobs import FileProgress, JobError, PullJob
from registry.local import LocalModel, ModelMetadata, list_models, model_id_of
from registry.names import parse_reference
from registry.pull import PullManager
from registry.settings import (
    DEFAULT_ENDPOINT,
    HubSettings,
    SettingsFile,
    check_endpoint,
    check_limit,
    check_token,
    default_settings,
    kind_of,
)
from registry.uploads import Uploads
from registry.verify import Verification, verify

__all__ = [
    "Catalogue",
    "CatalogueEntry",
    "DownloadFailed",
    "FileProgress",
    "Fit",
    "GatedModel",
    "HubSettings",
    "HubUnreachable",
    "InvalidModelName",
    "JobError",
    "JobNotFound",
    "LocalModel",
    "LocalModelNotFound",
    "ModelInUse",
    "ModelMetadata",
    "ModelRegistry",
    "NotAnOpenVINOModel",
    "NotEnoughDisk",
    "PullJob",
    "RegistryConflict",
    "RegistryError",
    "RevisionNotFound",
    "UnsafeRepository",
    "UnsupportedModel",
    "Update",
    "Verification",
    "fit",
]


@dataclass(frozen=True)
class Update:
    """latest: the commit the revision now stands at."""

    model_id: str
    commit: str
    latest: str

    @property
    def available(self) -> bool:
        return self.commit != self.latest


class ModelRegistry:
    """models_dir: where models lie and arrive. bundled_dir: the directory of the model that comes with the program.
    settings_file: where endpoint and token are kept; hub: those to use instead.

    Pull jobs need a running event loop; start() goes on with those of the last run, stop() ends their processes.
    Reading many models takes a while the first time: call local_models() from a thread.
    """

    def __init__(
        self,
        models_dir: Path,
        *,
        bundled_dir: Path | None = None,
        hub: HubSettings | None = None,
        settings_file: Path | None = None,
        pull_limit: int = 2,
        retry_wait: float = 1.0,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.models_dir = models_dir
        self._settings = SettingsFile(settings_file) if settings_file else None
        self.hub = hub or (self._settings.load() if self._settings else default_settings())
        self._free = free
        self._bundled = [bundled_dir] if bundled_dir else []
        self._facts: FactsCache = {}
        self._catalogue = CatalogueStore(models_dir, self._ask_collections)
        self.uploads = Uploads(models_dir, free)
        self._pulls = PullManager(models_dir, lambda: self.hub, limit=pull_limit, retry_wait=retry_wait, free=free)

    @property
    def bundled_dir(self) -> Path | None:
        """The directory of the model that comes with the program."""
        return self._bundled[0] if self._bundled else None

    def free_bytes(self) -> int:
        """What is free on the volume of the models."""
        return self._free(self.models_dir)

    async def start(self) -> None:
        empty_trash(self.models_dir)
        self.uploads.clear()
        self._pulls.start()

    async def stop(self) -> None:
        await self._pulls.stop()

    def local_models(self) -> list[LocalModel]:
        """Every model on this machine, by id. Half a download is none; a damaged directory is one with a problem."""
        return list_models(self.models_dir, self._bundled, self._facts)

    def find(self, model_id: str) -> LocalModel:
        """Raises ModelNotFound."""
        for model in self.local_models():
            if model.id == model_id:
                return model
        raise LocalModelNotFound(Notice("notices.no_local_model", model=model_id))

    async def collections(self) -> list[CatalogueEntry]:
        """The entries of catalogue()."""
        return list((await self.catalogue()).entries)

    async def catalogue(self, *, refresh: bool = False) -> Catalogue:
        """Models to choose from, at once and without a network. refresh: ask the hub and wait for its answer."""
        return await self._catalogue.read(refresh=refresh)

    async def search(self, query: str, *, limit: int = 30) -> list[CatalogueEntry]:
        """OpenVINO models on the hub. Raises HubUnreachable."""
        return await asyncio.to_thread(self._ask_search, query, limit)

    def pull(self, model_id: str, revision: str | None = None) -> PullJob:
        """Start to download a model, or bring it up to date. Two pulls of the same are one job. Of a GGUF repository
        `model_id` names the file too: organisation/name:Q4_K_M. It may be the model's address on the hub.

        Raises InvalidModelName, Conflict; what the hub says comes as the job's error.
        """
        model_id, named = parse_reference(model_id)
        revision = revision or named
        if any(model_id_of(directory) == model_id for directory in self._bundled):
            raise RegistryConflict(Notice("notices.bundled_nothing_to_pull", model=model_id))
        return self._pulls.pull(model_id, revision)

    def jobs(self) -> list[PullJob]:
        """Oldest first; finished ones of the recent past included."""
        return self._pulls.jobs()

    def job(self, job_id: str) -> PullJob:
        """Raises JobNotFound."""
        return self._pulls.job(job_id)

    def cancel(self, job_id: str) -> PullJob:
        """Stop a download and delete what there is of it. Raises JobNotFound, Conflict."""
        return self._pulls.cancel(job_id)

    def pause(self, job_id: str) -> PullJob:
        """Stop a download and keep what there is of it. Raises JobNotFound, Conflict."""
        return self._pulls.pause(job_id)

    def resume(self, job_id: str) -> PullJob:
        """Go on with a paused, failed or cancelled download. Raises JobNotFound, Conflict."""
        return self._pulls.resume(job_id)

    def dismiss(self, job_id: str) -> None:
        """Take an ended job off the list. Raises JobNotFound, Conflict."""
        self._pulls.dismiss(job_id)

    async def settled(self, job_id: str) -> PullJob:
        """Wait for the end of a job, its clearing up included."""
        return await self._pulls.settled(job_id)

    async def verify(self, model_id: str, on_bytes: Callable[[int], None] | None = None) -> Verification:
        """Hash a model's files again; pull() mends what is damaged. on_bytes is called in another thread.

        Raises ModelNotFound, Conflict (a model that was not pulled).
        """
        return await asyncio.to_thread(lambda: verify(self.find(model_id), on_bytes))

    async def check_update(self, model_id: str) -> Update:
        """Whether the revision a model was pulled from has moved on. Raises ModelNotFound, Conflict, HubUnreachable…"""
        return await asyncio.to_thread(self._ask_update, model_id)

    async def import_folder(
        self, source: Path, *, model_id: str | None = None, mode: ImportMode = "copy"
    ) -> LocalModel:
        """Take a model from a folder of this machine, by copying it or by reference.

        Raises NotAnOpenVINOModel, InvalidModelName, Conflict, NotEnoughDisk, UnsafeRepository, OSError.
        """
        imported = await asyncio.to_thread(import_model, source, self.models_dir, model_id, mode, self._free)
        return await asyncio.to_thread(self.find, imported)

    async def configure_hub(
        self, *, endpoint: str | None = None, token: str | None = None, speed_limit_mb: float | None = None
    ) -> HubSettings:
        """Use another hub, token or limit of speed and keep them. None leaves a value as it is, "" or 0 clears it.

        A new endpoint is asked first, and does not get the token of the old one. Raises InvalidModelName,
        HubUnreachable, OSError.
        """
        before = self.hub
        address = before.endpoint if endpoint is None else check_endpoint(endpoint or DEFAULT_ENDPOINT)
        kept = before.token if address == before.endpoint else None
        new_token = kept if token is None else check_token(token) or None
        limit = before.speed_limit_mb if speed_limit_mb is None else check_limit(speed_limit_mb)
        settings = HubSettings(address, new_token, kind_of(address), limit)
        if address != before.endpoint:
            await asyncio.to_thread(self._ask_hub, settings)
        if self._settings:
            await asyncio.to_thread(self._settings.save, settings)
        self.hub = settings
        if limit != before.speed_limit_mb:
            self._pulls.begin_anew()
        return settings

    def remove(self, model_id: str, *, in_use_by: Sequence[str] = ()) -> None:
        """Delete a model; of an imported reference only the reference. Raises as `check_removable` does."""
        model = self.check_removable(model_id, in_use_by=in_use_by)
        try:
            aside = move_aside(model.entry, self.models_dir)
        except PermissionError as error:
            raise ModelInUse(Notice("notices.model_files_open", model=model_id), in_use_by=[]) from error
        self._pulls.forget(model_id)
        shutil.rmtree(aside, ignore_errors=True)

    def check_removable(self, model_id: str, *, in_use_by: Sequence[str] = ()) -> LocalModel:
        """in_use_by: the devices it is assigned to or running on, which forbids to delete it.

        Raises ModelNotFound, ModelInUse, Conflict.
        """
        model = self.find(model_id)
        if model.bundled:
            raise RegistryConflict(Notice("notices.bundled_stays", model=model_id))
        if self._pulls.under_way(model_id):
            raise RegistryConflict(Notice("notices.model_being_pulled", model=model_id))
        if in_use_by:
            names = ", ".join(in_use_by)
            raise ModelInUse(Notice("notices.model_assigned", model=model_id, names=names), in_use_by=list(in_use_by))
        return model

    def _ask_collections(self) -> list[CatalogueEntry]:
        from registry.hub_lists import collection_entries  # huggingface_hub costs 25 MB: only once it is needed

        return collection_entries(self.hub)

    def _ask_search(self, query: str, limit: int) -> list[CatalogueEntry]:
        from registry.hub_lists import search_models

        return search_models(self.hub, query, limit)

    def _ask_hub(self, settings: HubSettings) -> None:
        from registry.hub_lists import check_hub

        check_hub(settings)

    def _ask_update(self, model_id: str) -> Update:
        from registry import hub, modelscope

        source = modelscope if self.hub.kind == "modelscope" else hub
        metadata = self.find(model_id).metadata
        if metadata is None or not metadata.commit:
            raise RegistryConflict(Notice("notices.no_newer_versions", model=model_id))
        return Update(model_id, metadata.commit, source.resolve(self.hub, model_id, metadata.revision).commit)

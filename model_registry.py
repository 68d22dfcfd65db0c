"""What models exist: on this machine, on the hub, and on their way from there to here."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from devices.model_facts import FactsCache
from registry.disk import empty_trash, free_bytes, move_aside
from registry.errors import (
    Conflict,
    DownloadFailed,
    GatedModel,
    HubUnreachable,
    InvalidModelName,
    JobNotFound,
    ModelInUse,
    ModelNotFound,
    NotAnOpenVINOModel,
    NotEnoughDisk,
    RegistryError,
    RevisionNotFound,
    UnsafeRepository,
)
from registry.jobs import FileProgress, JobError, PullJob
from registry.local import LocalModel, ModelMetadata, list_models
from registry.pull import PullManager
from registry.settings import HubSettings

__all__ = [
    "Conflict",
    "DownloadFailed",
    "FileProgress",
    "GatedModel",
    "HubSettings",
    "HubUnreachable",
    "InvalidModelName",
    "JobError",
    "JobNotFound",
    "LocalModel",
    "ModelInUse",
    "ModelMetadata",
    "ModelNotFound",
    "ModelRegistry",
    "NotAnOpenVINOModel",
    "NotEnoughDisk",
    "PullJob",
    "RegistryError",
    "RevisionNotFound",
    "UnsafeRepository",
]


class ModelRegistry:
    """models_dir: where models lie and arrive. bundled_dir: the directory of the model that comes with the program.

    Pull jobs need a running event loop; start() goes on with those of the last run, stop() ends their processes. Reading
    the models of a large directory takes a while the first time: call local_models() from a thread.
    """

    def __init__(
        self,
        models_dir: Path,
        *,
        bundled_dir: Path | None = None,
        hub: HubSettings | None = None,
        pull_limit: int = 2,
        retry_wait: float = 1.0,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.models_dir = models_dir
        self.hub = hub or HubSettings()
        self._bundled = [bundled_dir] if bundled_dir else []
        self._facts: FactsCache = {}
        self._pulls = PullManager(models_dir, lambda: self.hub, limit=pull_limit, retry_wait=retry_wait, free=free)

    async def start(self) -> None:
        empty_trash(self.models_dir)
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
        raise ModelNotFound(f'There is no model "{model_id}" on this machine: pull it first.')

    def pull(self, model_id: str, revision: str | None = None) -> PullJob:
        """Start to download a model, or bring it up to date. Two pulls of the same are one job.

        Raises InvalidModelName, Conflict; what the hub says comes as the job's error.
        """
        if any(model.bundled and model.id == model_id for model in self.local_models()):
            raise Conflict(f"{model_id} comes with this program: there is nothing to pull.")
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

    async def settled(self, job_id: str) -> PullJob:
        """Wait for the end of a job, its clearing up included."""
        return await self._pulls.settled(job_id)

    def remove(self, model_id: str, *, in_use_by: Sequence[str] = ()) -> None:
        """Delete a model. in_use_by: the devices it is assigned to or running on, which forbids it.

        Raises ModelNotFound, ModelInUse, Conflict.
        """
        model = self.find(model_id)
        if model.bundled:
            raise Conflict(f"{model_id} comes with this program and stays.")
        if in_use_by:
            names = ", ".join(in_use_by)
            raise ModelInUse(f"{model_id} is assigned to {names}: take it off there first.", in_use_by=list(in_use_by))
        if self._pulls.under_way(model_id):
            raise Conflict(f"{model_id} is being pulled: cancel that first.")
        try:
            aside = move_aside(model.path, self.models_dir)
        except PermissionError as error:
            raise ModelInUse(f"Files of {model_id} are open: stop the model first.", in_use_by=[]) from error
        shutil.rmtree(aside, ignore_errors=True)

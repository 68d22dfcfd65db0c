"""Which models this device serves, changed while it runs: first in `device_config.json`, then in the process."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from apis.model_names import ModelNames
from chat.service import ChatService
from configuration.device_config import ConfigError, ConfigStore, DeviceSettings, ModelAlias, ModelAssignment
from hardware.devices import DeviceInfo
from model_manager import ModelManager
from model_registry import LocalModel, ModelRegistry, RegistryError
from pools.errors import ModelNotFound
from pools.model_assignment import served_model
from pools.served_model import GB, ServedModel
from registry.assigning import new_assignment
from web.errors import InvalidRequest, ServiceError

logger = logging.getLogger(__name__)


class ModelConflict(ServiceError):
    status = 409
    code = "conflict"


@dataclass(frozen=True)
class DeviceContext:
    """Where a device server's models and their configuration are. `available` are the devices of the machine."""

    device: str
    store: ConfigStore
    data_dir: Path
    bundled_dir: Path | None
    available: Sequence[DeviceInfo]


class DeviceModels:
    """Adds and removes models and aliases without a restart."""

    def __init__(self, place: DeviceContext, manager: ModelManager, names: ModelNames, service: ChatService) -> None:
        self._place = place
        self._manager = manager
        self._names = names
        self._service = service
        self._turn = asyncio.Lock()

    async def find(self, model_id: str) -> LocalModel | None:
        """A usable model that lies on this machine."""
        models = await asyncio.to_thread(self._registry().local_models)
        return next((model for model in models if model.id == model_id and model.facts.problem is None), None)

    async def assign(self, local: LocalModel) -> ServedModel:
        """Serve a model of this machine from now on. Raises `ModelConflict`."""
        async with self._turn:
            if local.id in self._names.models:
                return self._names.models[local.id]
            needed, limit = local.facts.least_bytes, self._manager.budget.figures().limit
            if needed > limit:
                raise ModelConflict(
                    f"'{local.id}' needs at least {needed / GB:.1f} GB, more than this device may ever take "
                    f"({limit / GB:.1f} GB).",
                    param="model",
                )
            assignment = new_assignment(local, self._place.data_dir)
            settings = await self._save(lambda before: _with_model(before, assignment))
            place = self._place
            model = await asyncio.to_thread(
                served_model, place.device, settings, assignment, place.data_dir, place.available
            )
            self._manager.add_model(model)
            self._names.models[model.id] = model
            logger.info("%s is served from now on.", model.public_id)
            return model

    async def delete(self, model_id: str) -> None:
        """Serve a model no longer; its files go too unless another device needs them or they belong to the program.

        Raises `ModelConflict` and `ModelNotFound`.
        """
        async with self._turn:
            model = self._names.models.get(model_id)
            if model is None:
                raise ModelNotFound(f"model '{model_id}' not found", param="model")
            await self._save(lambda before: _without_model(before, model_id))
            del self._names.models[model_id]
            self._names.aliases = {name: a for name, a in self._names.aliases.items() if a.model != model_id}
            self._service.forget(model_id)
            await self._manager.remove_model(model_id)
            logger.info("%s is no longer served.", model.public_id)
            await asyncio.to_thread(self._remove_files, model_id)

    async def set_alias(self, name: str, alias: ModelAlias) -> None:
        """Offer a model under one more name. Raises `ModelConflict` when a model has that name."""
        if name in self._names.models:
            raise ModelConflict(f"'{name}' is a model of its own; choose another name.", param="model")
        async with self._turn:
            settings = await self._save(lambda before: _with_aliases(before, {**before.aliases, name: alias}))
            self._names.aliases = dict(settings.aliases)

    async def remove_alias(self, name: str) -> None:
        async with self._turn:
            settings = await self._save(
                lambda before: _with_aliases(before, {n: a for n, a in before.aliases.items() if n != name})
            )
            self._names.aliases = dict(settings.aliases)

    async def _save(self, change: Callable[[DeviceSettings], DeviceSettings]) -> DeviceSettings:
        place = self._place
        try:
            configuration = await asyncio.to_thread(place.store.change_device, place.device, change)
        except ConfigError as error:
            raise ModelConflict(f"The configuration cannot be changed: {error}") from error
        return configuration.devices[place.device]

    def _registry(self) -> ModelRegistry:
        # Pulls are the admin's business; this one only reads what is there, and deletes.
        return ModelRegistry(self._place.data_dir / "models", bundled_dir=self._place.bundled_dir)

    def _remove_files(self, model_id: str) -> None:
        devices = self._place.store.load().devices
        users = [name for name, settings in devices.items() if any(model.id == model_id for model in settings.models)]
        try:
            self._registry().remove(model_id, in_use_by=users)
        except RegistryError as error:
            logger.info("The files of %s stay: %s", model_id, error)


def _with_model(settings: DeviceSettings, assignment: ModelAssignment) -> DeviceSettings:
    others = [model for model in settings.models if model.id != assignment.id]
    return settings.model_copy(update={"models": [*others, assignment]})


def _without_model(settings: DeviceSettings, model_id: str) -> DeviceSettings:
    models = [model for model in settings.models if model.id != model_id]
    aliases = {name: alias for name, alias in settings.aliases.items() if alias.model != model_id}
    return settings.model_copy(update={"models": models, "aliases": aliases})


def _with_aliases(settings: DeviceSettings, aliases: dict[str, ModelAlias]) -> DeviceSettings:
    try:
        return settings.model_copy(update={"aliases": aliases})
    except ValueError as error:
        raise InvalidRequest(str(error), param="model") from error

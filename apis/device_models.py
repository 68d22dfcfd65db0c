"""Which models this device serves, changed while it runs: first in `device_config.json`, then in the process."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from administration.assignments import Assignments
from administration.errors import PROBLEMS, explain
from apis.model_names import ModelNames
from chat.service import ChatService
from configuration.device_config import ConfigStore, DeviceSettings, ModelAlias
from configuration.gateway_config import GATEWAY_FILE, GatewayStore
from hardware.devices import DeviceInfo
from model_manager import ModelManager
from model_registry import LocalModel, ModelRegistry, RegistryError
from pools.errors import ModelNotFound
from pools.model_assignment import served_model
from pools.served_model import ServedModel
from web.errors import ServiceError

logger = logging.getLogger(__name__)


class ModelConflict(ServiceError):
    status = 409
    code = "conflict"


@contextlib.contextmanager
def as_service_errors() -> Iterator[None]:
    """The errors of administration, as the APIs answer them."""
    try:
        yield
    except PROBLEMS as error:
        problem = explain(error)
        refused = ServiceError(problem.english, param="model")
        refused.status, refused.code = problem.status, problem.kind
        raise refused from error


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
        # Pulls are the admin's business; this one only reads what is there, and deletes.
        self._registry = ModelRegistry(place.data_dir / "models", bundled_dir=place.bundled_dir)
        self._assignments = Assignments(
            store=place.store,
            gateway=GatewayStore(place.data_dir / GATEWAY_FILE),
            registry=self._registry,
            data_dir=place.data_dir,
            limit_of=lambda _: manager.budget.figures().limit,
        )

    async def find(self, model_id: str) -> LocalModel | None:
        """A usable model that lies on this machine."""
        models = await asyncio.to_thread(self._registry.local_models)
        return next((model for model in models if model.id == model_id and model.facts.problem is None), None)

    async def assign(self, model_id: str) -> ServedModel:
        """Serve a model of this machine from now on. Raises `ServiceError`."""
        async with self._turn:
            if model_id in self._names.models:
                return self._names.models[model_id]
            place = self._place
            with as_service_errors():
                settings = await asyncio.to_thread(self._assignments.assign, model_id, place.device)
            assignment = settings.models[-1]
            model = await asyncio.to_thread(
                served_model, place.device, settings, assignment, place.data_dir, place.available
            )
            self._manager.add_model(model)
            self._names.models[model.id] = model
            logger.info("%s is served from now on.", model.public_id)
            return model

    async def delete(self, model_id: str) -> None:
        """Serve a model no longer, and under no alias; its files go too unless another device needs them or they belong
        to the program. Raises `ModelNotFound` and `ServiceError`."""
        async with self._turn:
            model = self._names.models.get(model_id)
            if model is None:
                raise ModelNotFound(f"model '{model_id}' not found", param="model")
            with as_service_errors():
                settings = await asyncio.to_thread(self._assignments.unassign, model_id, self._place.device, force=True)
            del self._names.models[model_id]
            self._names.aliases = dict(settings.aliases)
            self._service.forget(model_id)
            await self._manager.remove_model(model_id)
            logger.info("%s is no longer served.", model.public_id)
            await asyncio.to_thread(self._remove_files, model_id)

    async def set_alias(self, name: str, alias: ModelAlias) -> None:
        """Offer a model under one more name. Raises `ModelConflict` when a model has that name."""
        if name in self._names.models:
            raise ModelConflict(f"'{name}' is a model of its own; choose another name.", param="model")
        await self._change_aliases(lambda before: {**before, name: alias})

    async def remove_alias(self, name: str) -> None:
        await self._change_aliases(lambda before: {each: alias for each, alias in before.items() if each != name})

    async def _change_aliases(self, change: Callable[[dict[str, ModelAlias]], dict[str, ModelAlias]]) -> None:
        def changed(before: DeviceSettings) -> DeviceSettings:
            return before.model_copy(update={"aliases": change(before.aliases)})

        async with self._turn:
            with as_service_errors():
                place = self._place
                configuration = await asyncio.to_thread(place.store.change_device, place.device, changed)
            self._names.aliases = dict(configuration.devices[place.device].aliases)

    def _remove_files(self, model_id: str) -> None:
        try:
            self._registry.remove(model_id, in_use_by=self._assignments.users(model_id))
        except RegistryError as error:
            logger.info("The files of %s stay: %s", model_id, error)

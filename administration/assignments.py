"""Which device offers which models: from a selection to `device_config.json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from administration.aliases import names_of_model, offered_names, with_models, without_model, without_targets
from administration.errors import AdministrationError, check_parameters
from administration.places import check_places
from administration.ranges import ModelRoom, check_device_limits, check_model_settings
from configuration.device_config import ConfigStore, Configuration, DeviceSettings, ModelAssignment
from configuration.gateway_config import GatewaySettings, GatewayStore
from configuration.type_problems import type_problem
from memory.readings import GB, read_system_memory
from model_registry import ModelRegistry
from registry.assigning import new_assignment

Settings = Mapping[str, Any]
Change = Callable[[DeviceSettings], DeviceSettings]


class Assignments:
    """`limit_of`: bytes that a device's instances may take, as its server reports; None where none runs.

    Every method blocks for the disk and raises `ConfigError`, `GatewayProblem`, `RegistryError` and
    `AdministrationError`; then nothing has changed. Where an alias of the gateway would have no model left they refuse,
    or with `force` delete it.
    """

    def __init__(
        self,
        *,
        store: ConfigStore,
        gateway: GatewayStore,
        registry: ModelRegistry,
        data_dir: Path,
        limit_of: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._registry = registry
        self._data_dir = data_dir
        self._limit_of = limit_of

    def update(
        self,
        device: str,
        *,
        enabled: bool | None = None,
        models: Mapping[str, Settings] | None = None,
        limits: Settings | None = None,
    ) -> DeviceSettings:
        """Change what is given. `models`: the whole selection, each model with the settings to change; others keep the
        value they have. `limits`: further settings of the device."""

        def change(before: DeviceSettings) -> DeviceSettings:
            check_device_limits(limits or {}, before.model_dump(), self._memory_of(device))
            after = before.model_copy(update=dict(limits or {}))
            if enabled is not None:
                after = after.model_copy(update={"enabled": enabled})
            if models is None:
                return after
            return with_models(after, [self._entry(device, before, *each) for each in models.items()])

        return self._change(device, change)

    def assign(self, model_id: str, device: str, settings: Settings | None = None) -> DeviceSettings:
        """Offer one more model, or change the settings of one; it comes last."""

        def change(before: DeviceSettings) -> DeviceSettings:
            others = [model for model in before.models if model.id != model_id]
            return with_models(before, [*others, self._entry(device, before, model_id, settings or {})])

        return self._change(device, change)

    def unassign(self, model_id: str, device: str, *, force: bool = False) -> DeviceSettings:
        def change(before: DeviceSettings) -> DeviceSettings:
            if not _offers(before, model_id):
                raise AdministrationError(404, "not_assigned", model=model_id, device=device)
            return without_model(before, model_id)

        return self._change(device, change, force=force)

    def users(self, model_id: str) -> list[str]:
        """The devices that offer a model."""
        return [name for name, settings in self._load().devices.items() if _offers(settings, model_id)]

    def take_off(self, model_id: str, *, force: bool) -> list[str]:
        """Of a model that is to be deleted: the devices that offered it, which no longer do. Without `force` it must be
        in no use."""
        users = self.users(model_id)
        self._registry.check_removable(model_id, in_use_by=() if force else users)
        gone = names_of_model(self._load(), model_id)
        if not users:
            self._let_go(self._left(gone, force=force))
            return users

        def change(before: Configuration) -> Configuration:
            devices = {name: without_model(settings, model_id) for name, settings in before.devices.items()}
            return before.model_copy(update={"devices": devices})

        self._change_all(change, gone=gone, force=force)
        return users

    def _entry(self, device: str, before: DeviceSettings, model_id: str, settings: Settings) -> ModelAssignment:
        known = next((model for model in before.models if model.id == model_id), None)
        assignment = known or self._new(model_id, self._limit(device, before))
        check_places(dict(settings), assignment, self._data_dir)
        changed = _changed(assignment, settings)
        check_model_settings(settings, assignment.model_dump(), self.room(device, before, model_id))
        return changed

    def room(self, device: str, settings: DeviceSettings, model_id: str) -> ModelRoom:
        """What the ranges of a model's settings on a device depend on."""
        model = next((model for model in self._registry.local_models() if model.id == model_id), None)
        return ModelRoom(model_id, model.facts if model else None, self._limit(device, settings))

    def _new(self, model_id: str, limit: int | None) -> ModelAssignment:
        model = self._registry.find(model_id)
        if model.facts.problem:
            raise AdministrationError(409, "model_unusable", model=model_id, problem=model.facts.problem)
        needed = model.facts.least_bytes
        if limit is not None and needed > limit:
            figures = {"needed": f"{needed / GB:.1f} GB", "limit": f"{limit / GB:.1f} GB"}
            raise AdministrationError(409, "model_too_large", model=model_id, **figures)
        return new_assignment(model, self._data_dir)

    def _limit(self, device: str, settings: DeviceSettings) -> int | None:
        """Bytes that the device's instances may ever take; None where that is unknown: a GPU that has not run yet may
        have a memory of its own."""
        reported = self._limit_of(device)
        if reported is not None:
            return reported
        configured = int(settings.memory_limit_gb * GB) if settings.memory_limit_gb else None
        if settings.device.upper().startswith("GPU"):
            return configured
        total = read_system_memory().total
        return min(total, configured or total)

    def _memory_of(self, device: str) -> int:
        """Bytes of the memory that a device draws on; of a GPU's own only its server can tell."""
        return max(read_system_memory().total, self._limit_of(device) or 0)

    def _load(self) -> Configuration:
        try:
            return self._store.load()
        except FileNotFoundError:  # the suite was never started here
            return Configuration()

    def _change(self, device: str, change: Change, *, force: bool = False) -> DeviceSettings:
        def changed(before: Configuration) -> Configuration:
            settings = before.devices.get(device)
            if settings is None:
                known = ", ".join(before.devices) or "–"
                raise AdministrationError(404, "unknown_device", device=device, known=known)
            return before.model_copy(update={"devices": {**before.devices, device: change(settings)}})

        return self._change_all(changed, force=force).devices[device]

    def _change_all(
        self, change: Callable[[Configuration], Configuration], *, gone: Set[str] = frozenset(), force: bool = False
    ) -> Configuration:
        lost: Set[str] = frozenset()

        def checked(before: Configuration) -> Configuration:
            nonlocal lost
            after = change(before)
            lost = self._left((offered_names(before) - offered_names(after)) | gone, force=force)
            return after

        configuration = self._store.change(checked)
        self._let_go(lost)
        return configuration

    def _left(self, lost: Set[str], *, force: bool) -> Set[str]:
        """`lost`, where aliases of the gateway stand for it. Raises before they would be changed in vain."""
        settings = self._gateway.current()
        after = without_targets(settings, lost)
        if after == settings:
            return frozenset()
        if self._gateway.problem is not None:
            raise self._gateway.problem
        if not force and (aliases := sorted(settings.aliases.keys() - after.aliases.keys())):
            raise AdministrationError(409, "alias_left_behind", aliases=", ".join(aliases))
        return lost

    def _let_go(self, lost: Set[str]) -> None:
        """The gateway looks at its file with every request."""

        def change(before: GatewaySettings) -> GatewaySettings:
            return without_targets(before, lost)

        if lost:
            self._gateway.change(change)


def _offers(settings: DeviceSettings, model_id: str) -> bool:
    return any(model.id == model_id for model in settings.models)


def _changed(assignment: ModelAssignment, changes: Settings) -> ModelAssignment:
    settings = dict(changes)
    if "parameters" in settings:
        check_parameters(settings["parameters"])
        parameters = {**assignment.parameters, **settings["parameters"]}
        settings["parameters"] = {name: value for name, value in parameters.items() if value is not None}
    try:
        return ModelAssignment.model_validate({**assignment.model_dump(), **settings})
    except ValidationError as error:
        problems = "; ".join(
            f"{assignment.id}: {'.'.join(map(str, item['loc']))}: {type_problem(item)}" for item in error.errors()
        )
        raise AdministrationError(422, "invalid_request", explanation=problems) from error

"""Assigning models to a device: from a request's selection to `device_config.json`, then to the device server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from admin.api.requests import ModelChange, UpdateConfig
from admin.errors import AdminError
from admin.places import check_places
from configuration.device_config import ConfigStore, DeviceSettings, ModelAssignment
from memory.readings import GB, read_system_memory
from model_registry import ModelRegistry
from registry.assigning import new_assignment
from supervision.suite import Suite

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 0.3


class Assignments:
    def __init__(self, *, suite: Suite, registry: ModelRegistry, store: ConfigStore, data_dir: Path) -> None:
        self._suite = suite
        self._registry = registry
        self._store = store
        self._data_dir = data_dir
        self._applying: set[asyncio.Task[None]] = set()

    async def update(self, change: UpdateConfig) -> None:
        """Save the change, then begin to start, restart or stop the device server to match.

        Raises `AdminError`, `ConfigError`, `RegistryError`.
        """
        await asyncio.to_thread(self._save, change)
        applying = asyncio.create_task(self._suite.apply(change.device), name=f"apply {change.device}")
        self._applying.add(applying)
        applying.add_done_callback(self._applied)
        # The old process may take its time to finish what it is answering; the state tells how far it is.
        await asyncio.wait({applying}, timeout=ANSWER_SECONDS)

    def _applied(self, task: asyncio.Task[None]) -> None:
        self._applying.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("cannot apply the configuration: %s", error, exc_info=error)

    def _save(self, change: UpdateConfig) -> None:
        devices = self._store.load().devices
        settings = devices.get(change.device)
        if settings is None:
            raise AdminError(404, "unknown_device", device=change.device, known=", ".join(devices))
        limit = self._memory_limit(change.device, settings)
        models = None if change.models is None else self._selection(change.models, settings, limit)
        limits = change.limits.model_dump(exclude_unset=True) if change.limits else {}
        self._store.update_device(change.device, enabled=change.enabled, models=models, limits=limits)

    def _memory_limit(self, device: str, settings: DeviceSettings) -> int | None:
        """Bytes that the device's instances may ever take; None where nobody knows: a GPU that has not run yet may have
        a memory of its own."""
        report = self._suite.memory(device)
        if report is not None:
            return report.limit_bytes
        configured = int(settings.memory_limit_gb * GB) if settings.memory_limit_gb else None
        if settings.device.upper().startswith("GPU"):
            return configured
        total = read_system_memory().total
        return min(total, configured or total)

    def _selection(
        self, wanted: Sequence[str | ModelChange], settings: DeviceSettings, limit: int | None
    ) -> list[ModelAssignment]:
        assigned = {model.id: model for model in settings.models}
        selection: dict[str, ModelAssignment] = {}
        for entry in wanted:
            change = ModelChange(id=entry) if isinstance(entry, str) else entry
            known = assigned.get(change.id)
            assignment = known or self._new(change.id, limit)
            check_places(change.settings(), assignment, self._data_dir)
            selection[change.id] = _changed(assignment, change)
        return list(selection.values())

    def _new(self, model_id: str, limit: int | None) -> ModelAssignment:
        model = self._registry.find(model_id)
        if model.facts.problem:
            raise AdminError(409, "model_unusable", model=model_id, problem=model.facts.problem)
        needed = model.facts.least_bytes
        if limit is not None and needed > limit:
            figures = {"needed": f"{needed / GB:.1f} GB", "limit": f"{limit / GB:.1f} GB"}
            raise AdminError(409, "model_too_large", model=model_id, **figures)
        return new_assignment(model, self._data_dir)


def _changed(assignment: ModelAssignment, change: ModelChange) -> ModelAssignment:
    settings = change.settings()
    if "parameters" in settings:
        parameters = {**assignment.parameters, **settings["parameters"]}
        settings["parameters"] = {name: value for name, value in parameters.items() if value is not None}
    try:
        return ModelAssignment.model_validate({**assignment.model_dump(), **settings})
    except ValidationError as error:
        problems = "; ".join(
            f"{change.id}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise AdminError(422, "invalid_request", explanation=problems) from error

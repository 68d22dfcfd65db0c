"""Assigning models to a device: from a request's selection to `device_config.json`, then to the device server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from admin.errors import AdminError
from admin.protocols import ModelRegistry, Suite
from admin.wire import ModelChange, UpdateConfig
from devices.config import ConfigStore, DeviceSettings, ModelAssignment


class Assignments:
    def __init__(self, *, suite: Suite, registry: ModelRegistry, store: ConfigStore, data_dir: Path) -> None:
        self._suite = suite
        self._registry = registry
        self._store = store
        self._data_dir = data_dir

    async def update(self, change: UpdateConfig) -> None:
        """Save the change, then start, restart or stop the device server to match. Raises `AdminError`, `ConfigError`."""
        await asyncio.to_thread(self._save, change)
        await self._suite.apply(change.device)

    def _save(self, change: UpdateConfig) -> None:
        devices = self._store.load().devices
        settings = devices.get(change.device)
        if settings is None:
            raise AdminError(404, "unknown_device", device=change.device, known=", ".join(devices))
        models = None if change.models is None else self._selection(change.models, settings)
        self._store.update_device(change.device, enabled=change.enabled, models=models)

    def _selection(self, wanted: Sequence[str | ModelChange], settings: DeviceSettings) -> list[ModelAssignment]:
        assigned = {model.id: model for model in settings.models}
        selection: dict[str, ModelAssignment] = {}
        for entry in wanted:
            change = ModelChange(id=entry) if isinstance(entry, str) else entry
            known = assigned.get(change.id)
            selection[change.id] = _changed(known or self._new(change.id), change)
        return list(selection.values())

    def _new(self, model_id: str) -> ModelAssignment:
        model = find_model(self._registry, model_id)
        if not model.complete:
            raise AdminError(409, "model_incomplete", model=model_id)
        size = model.facts.size_bytes
        return ModelAssignment(
            id=model.id,
            path=self._written_path(model.path),
            estimated_memory_gb=max(round(size / 1e9, 2), 0.01) if size else None,
        )

    def _written_path(self, path: Path) -> str:
        """Relative to the data directory where that is possible, so that the folder can be moved."""
        try:
            return path.resolve().relative_to(self._data_dir.resolve()).as_posix()
        except ValueError:
            return str(path.resolve())


def _changed(assignment: ModelAssignment, change: ModelChange) -> ModelAssignment:
    try:
        return ModelAssignment.model_validate({**assignment.model_dump(), **change.settings()})
    except ValidationError as error:
        problems = "; ".join(
            f"{change.id}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise AdminError(422, "invalid_request", explanation=problems) from error


def remove_model(registry: ModelRegistry, store: ConfigStore, model_id: str) -> None:
    """Delete a local model's files. Refuses while a device offers it, and for the bundled model."""
    model = find_model(registry, model_id)
    if model.bundled:
        raise AdminError(409, "model_bundled", model=model_id)
    users = [
        name
        for name, settings in store.load().devices.items()
        if any(assigned.id == model_id for assigned in settings.models)
    ]
    if users:
        raise AdminError(409, "model_in_use", model=model_id, devices=", ".join(users))
    registry.remove(model_id)

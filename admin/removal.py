"""Deleting a local model: refused while a device offers it, or after taking it off all of them."""

from __future__ import annotations

import asyncio

from configuration.device_config import ConfigStore, DeviceSettings
from model_registry import ModelRegistry
from supervision.suite import Suite


async def remove_model(
    model_id: str, *, registry: ModelRegistry, store: ConfigStore, suite: Suite, force: bool = False
) -> None:
    """force: take it off its devices first; their servers finish what they are answering before the files go.

    Raises `RegistryError`, `ConfigError`.
    """
    users = await asyncio.to_thread(_users, store, model_id)
    if users and force:
        await asyncio.to_thread(registry.check_removable, model_id)
        for device in users:
            await asyncio.to_thread(store.change_device, device, lambda settings: _without(settings, model_id))
        await asyncio.gather(*(suite.apply(device) for device in users))
        users = []
    await asyncio.to_thread(registry.remove, model_id, in_use_by=users)


def _users(store: ConfigStore, model_id: str) -> list[str]:
    devices = store.load().devices
    return [name for name, settings in devices.items() if any(model.id == model_id for model in settings.models)]


def _without(settings: DeviceSettings, model_id: str) -> DeviceSettings:
    return settings.model_copy(update={"models": [model for model in settings.models if model.id != model_id]})

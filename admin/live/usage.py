"""Watches which models are asked, by what the device servers tell of their requests."""

from __future__ import annotations

import asyncio

from configuration.device_config import ConfigError, ConfigStore, DeviceSettings
from registry.last_use import LastUse
from reports.requests import Request
from supervision.suite import Suite

_READ_SECONDS = 2.0
_READS_A_SAVING = 15


class UsageWatch:
    def __init__(self, suite: Suite, store: ConfigStore, last_use: LastUse) -> None:
        self._suite = suite
        self._store = store
        self._last_use = last_use
        self._cursors: dict[str, int] = {}

    async def run(self) -> None:
        """Read every other second and save twice a minute, until cancelled; then once more."""
        try:
            while True:
                for _ in range(_READS_A_SAVING):
                    await asyncio.sleep(_READ_SECONDS)
                    self.read()
                await asyncio.to_thread(self._last_use.save)
        finally:
            self.read()
            self._last_use.save()

    def read(self) -> None:
        """Take over what is new."""
        try:
            devices = self._store.current().devices
        except (ConfigError, OSError):
            return
        for status in self._suite.statuses():
            book = self._suite.activity(status.name)
            fresh = [*book.after(self._cursors.get(status.name, 0)), *book.running]
            self._cursors[status.name] = book.cursor
            for entry in fresh:
                self._note(status.name, devices.get(status.name), entry)

    def _note(self, device: str, settings: DeviceSettings | None, entry: Request) -> None:
        if model_id := asked_model(device, settings, entry):
            self._last_use.note(model_id, entry.time)


def asked_model(device: str, settings: DeviceSettings | None, request: Request) -> str | None:
    """The id of the model that a request was for, None where the device has no such model."""
    if request.model is None or settings is None:
        return None
    name = request.model.removesuffix(":latest").removeprefix(f"{device}-")
    alias = settings.aliases.get(name)
    model_id = alias.model if alias else name
    return model_id if any(model.id == model_id for model in settings.models) else None

"""The devices there are, in order."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from configuration.device_config import ConfigError, ConfigStore, DeviceSettings
from gateway.device import UpstreamDevice

logger = logging.getLogger(__name__)


class DeviceInventory:
    """Always the same devices."""

    def __init__(self, devices: Iterable[UpstreamDevice] = (), *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._devices = {device.name: device for device in devices}

    def devices(self) -> list[UpstreamDevice]:
        return list(self._devices.values())

    def resting(self) -> list[str]:
        """Configured devices that are switched off or offer nothing: their servers do not run."""
        return []


class ConfiguredFleet(DeviceInventory):
    """The devices of `device_config.json` that offer a model, as it is now. `url_of` gives the base address of a
    device's server by its name and port. A configuration that cannot be used changes nothing: the last good one
    holds."""

    def __init__(
        self, config: Path, url_of: Callable[[str, int], str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(clock=clock)
        self._store = ConfigStore(config)
        self._url_of = url_of
        self._signature: tuple[int, ...] | None = None
        self._configured: Mapping[str, DeviceSettings] = {}

    def devices(self) -> list[UpstreamDevice]:
        self._refresh()
        return super().devices()

    def resting(self) -> list[str]:
        self._refresh()
        return [name for name in self._configured if name not in self._devices]

    def _refresh(self) -> None:
        signature = self._current_signature()
        if signature == self._signature:
            return
        self._signature = signature
        try:
            configured = self._load()
        except (ConfigError, OSError) as error:
            logger.warning("The configuration cannot be used; the last good one holds. %s", error)
            return
        self._configured = configured
        before = self._devices
        self._devices = {}
        for name, settings in configured.items():
            if not settings.enabled or not settings.models:
                continue
            url = self._url_of(name, settings.port)
            known = before.get(name)
            if known is None or known.url != url:
                known = UpstreamDevice(name, settings, url, now=self.clock())
            known.settings = settings
            self._devices[name] = known

    def _load(self) -> Mapping[str, DeviceSettings]:
        try:
            return self._store.load().devices
        except ConfigError:
            if self._configured:
                raise
            return ConfigStore(self._store.last_good_path).load().devices

    def _current_signature(self) -> tuple[int, ...]:
        try:
            status = os.stat(self._store.path)  # noqa: PTH116  # asked at every request: a third of what pathlib takes
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_size, status.st_ino

"""The whole examination, and the latest one kept for those who ask in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from configuration.device_config import ConfigStore, Configuration
from doctor.children import ChildResult, run_probe
from doctor.configuration import examine_assignments, read_configuration
from doctor.findings import LEVELS, Finding, Translate, worst
from doctor.generation import examine_generation
from doctor.hardware import examine_configured, examine_devices, reports_of
from doctor.machine import MachineFacts, read_machine
from doctor.network import examine_hub, examine_proxy
from doctor.ports import examine_ports
from doctor.recommended import recommended_models
from doctor.resources import (
    examine_caches,
    examine_disk,
    examine_folders,
    examine_memory,
    examine_power,
    examine_private_files,
    read_power,
)
from doctor.software import examine_packages, examine_python
from doctor.windows import long_paths_enabled, read_device_manager
from keys.key_store import KEYS_FILE
from memory.readings import read_system_memory
from registry.settings import SETTINGS_FILE

_PRIVATE_FILES = (KEYS_FILE, SETTINGS_FILE)
_LISTING_SECONDS = 60.0
_ORDER = ("software", "devices", "memory", "storage", "network", "configuration")


@dataclass(frozen=True)
class DoctorContext:
    """What the examination needs to know of the program around it.

    ports: whose they are → number. ours: the ports our servers listen on. in_use: OpenVINO devices with a loaded model.
    """

    data_dir: Path
    store: ConfigStore
    demo_model: Path | None
    endpoint: str
    hub_kind: str
    free_bytes: int
    host: str = "127.0.0.1"
    admin_port: int | None = None
    ours: Collection[int] = ()
    in_use: Collection[str] = ()


@dataclass(frozen=True)
class Report:
    """checked_at: ISO 8601, UTC."""

    checked_at: str
    findings: tuple[Finding, ...] = field(default=())

    def render(self, t: Translate) -> dict[str, Any]:
        """Problems first; within a level as they were looked at."""
        ordered = sorted(self.findings, key=lambda finding: -LEVELS.index(finding.level))
        return {
            "checked_at": self.checked_at,
            "level": worst(self.findings),
            "findings": [finding.render(t) for finding in ordered],
        }


async def examine(context: DoctorContext) -> Report:
    """Look at everything. Takes seconds, where a driver hangs some minutes; nothing of it loads OpenVINO here."""
    configuration, of_config = await asyncio.to_thread(read_configuration, context.store)
    devices, hub, here = await asyncio.gather(
        _examine_hardware(context, configuration),
        examine_hub(context.endpoint, context.hub_kind),
        asyncio.to_thread(_examine_here, context, configuration),
    )
    findings = [*devices, hub, *here, *of_config]
    findings.sort(key=lambda finding: _ORDER.index(finding.area))
    return Report(datetime.now(timezone.utc).isoformat(timespec="seconds"), tuple(findings))


async def _examine_hardware(context: DoctorContext, configuration: Configuration | None) -> list[Finding]:
    listing, pnp = await asyncio.gather(run_probe(["devices"], seconds=_LISTING_SECONDS), read_device_manager())
    findings = judge_devices(listing, await asyncio.to_thread(read_machine, pnp=pnp), configuration)
    reports = reports_of(listing)
    findings += await examine_generation(reports, context.demo_model, in_use=context.in_use)
    return [*findings, *recommended_models(reports)]


def judge_devices(listing: ChildResult, machine: MachineFacts, configuration: Configuration | None) -> list[Finding]:
    findings = examine_devices(listing, machine)
    if configuration is not None and listing.answer is not None:
        wanted = {
            name: (settings.device, settings.fallback_device)
            for name, settings in configuration.devices.items()
            if settings.enabled
        }
        findings.extend(examine_configured(reports_of(listing), wanted))
    return findings


def _examine_here(context: DoctorContext, configuration: Configuration | None) -> list[Finding]:
    data_dir = context.data_dir
    findings = [
        examine_python(),
        *examine_packages(),
        examine_memory(read_system_memory()),
        examine_disk(context.free_bytes, data_dir),
        *examine_caches(data_dir),
        *examine_folders([data_dir, data_dir / "models", data_dir / "logs"], long_paths=long_paths_enabled()),
        *examine_private_files([data_dir / name for name in _PRIVATE_FILES]),
        *examine_power(*read_power()),
        *examine_proxy(),
        *examine_ports(_ports(context, configuration), context.ours, host=context.host),
    ]
    if configuration is not None:
        findings.extend(examine_assignments(configuration, data_dir))
    return findings


def _ports(context: DoctorContext, configuration: Configuration | None) -> Mapping[str, int]:
    ports = {"admin": context.admin_port} if context.admin_port else {}
    if configuration is not None:
        ports |= {name: settings.port for name, settings in configuration.devices.items() if settings.enabled}
    return ports


class Doctor:
    """One examination at a time; who asks during one waits for the same. `look` says what there is to examine now."""

    def __init__(self, look: Callable[[], DoctorContext]) -> None:
        self._look = look
        self._running: asyncio.Task[Report] | None = None
        self.latest: Report | None = None

    @property
    def running(self) -> bool:
        return self._running is not None and not self._running.done()

    def begin(self) -> asyncio.Task[Report]:
        """Start an examination, or join the one under way."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._examine(), name="doctor")
        return self._running

    async def _examine(self) -> Report:
        self.latest = await examine(self._look())
        return self.latest

    async def close(self) -> None:
        """End an examination under way, its child processes included."""
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

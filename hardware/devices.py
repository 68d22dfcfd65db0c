"""Which OpenVINO devices this machine has, and which of them a configured device name means."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hardware import no_telemetry as no_telemetry
from notices import Notice

_VENDOR_WORDS = {
    "Intel": ("intel",),
    "NVIDIA": ("nvidia", "geforce", "quadro", "tesla"),
    "AMD": ("amd", "radeon", "advanced micro devices"),
}
_VIRTUAL_DEVICES = ("AUTO", "MULTI", "HETERO", "BATCH")


@dataclass(frozen=True)
class DeviceInfo:
    """`name` as OpenVINO lists it (`CPU`, `GPU`, `GPU.1`, `NPU`); `vendor` is None where the name does not tell it.

    `own_memory` is a discrete GPU's, in bytes; None for a device that shares the machine's.
    """

    name: str
    full_name: str
    vendor: str | None = None
    own_memory: int | None = None

    @property
    def kind(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class ResolvedDevice:
    """`used` is the name to hand to OpenVINO; `fallback_reason` is a sentence when it is not what was asked for.
    `own_memory` as in `DeviceInfo`."""

    requested: str
    used: str
    full_name: str
    fallback_reason: str | None = None
    own_memory: int | None = None


class DeviceUnavailable(Exception):
    """Neither the requested device nor the fallback is there; the text says so and what there is instead."""


def available_devices() -> list[DeviceInfo]:
    """What OpenVINO lists on this machine. Takes about a second; to be called in a device server, not in the admin."""
    from openvino import Core

    core = Core()
    return [read_device(core, name) for name in core.available_devices]


def read_device(core: Any, name: str) -> DeviceInfo:
    """What an `openvino.Core` says of a device it lists."""
    device = describe_device(name, str(_read(core, name, "FULL_DEVICE_NAME") or "").strip())
    if device.kind != "GPU" or not _is_discrete(_read(core, name, "DEVICE_TYPE")):
        return device
    return replace(device, own_memory=_read(core, name, "GPU_DEVICE_TOTAL_MEM_SIZE"))


def _is_discrete(device_type: Any) -> bool:
    return str(device_type).rpartition(".")[2].lower() == "discrete"  # an enumeration's member, or its bare name


def _read(core: Any, name: str, key: str) -> Any:
    """None where there is no answer: OpenVINO may list a device whose driver then fails."""
    try:
        return core.get_property(name, key)
    except RuntimeError:
        return None


def driver_version(name: str) -> str | None:
    """Of the driver of an OpenVINO device, None where it has none or does not tell. Imports OpenVINO."""
    from openvino import Core

    kind = name.upper().replace(":", ".").split(".")[0]
    found = _read(Core(), name, f"{kind}_DRIVER_VERSION") if kind in ("GPU", "NPU") else None
    return None if found is None else str(found)


def describe_device(name: str, full_name: str) -> DeviceInfo:
    words = full_name.lower()
    vendor = next((vendor for vendor, marks in _VENDOR_WORDS.items() if any(mark in words for mark in marks)), None)
    return DeviceInfo(name, full_name or name, vendor)


def resolve_device(requested: str, fallback: str | None, available: Sequence[DeviceInfo]) -> ResolvedDevice:
    """Find `requested` among `available`, else `fallback`. Raises `DeviceUnavailable`.

    `GPU` means the first Intel GPU: OpenVINO lists cards of other makers too, on which its kernels fail. A numbered
    name such as `GPU.1` is taken as given; `AUTO`, `HETERO:GPU.0,GPU.1` and the like are handed on unread.
    """
    found = _find(requested, available)
    if found is not None:
        return ResolvedDevice(requested, found.name, found.full_name, own_memory=found.own_memory)
    reason = _why_not(requested, available)
    substitute = None if fallback is None else _find(fallback, available)
    if substitute is None:
        there = ", ".join(f"{device.name} ({device.full_name})" for device in available) or "none"
        also = "" if fallback is None else f" Its fallback {fallback} is not there either."
        raise DeviceUnavailable(f"{reason}{also} Devices OpenVINO finds: {there}.")
    sentence = Notice("notices.runs_elsewhere", sentence=reason, device=substitute.name, name=substitute.full_name)
    return ResolvedDevice(requested, substitute.name, substitute.full_name, sentence, substitute.own_memory)


def _find(requested: str, available: Sequence[DeviceInfo]) -> DeviceInfo | None:
    name = requested.strip()
    if re.split(r"[:.]", name, maxsplit=1)[0].upper() in _VIRTUAL_DEVICES:
        return DeviceInfo(name, name)
    name = name.upper()
    if "." in name:
        return next((device for device in available if _same_numbered_device(device.name, name)), None)
    same_kind = [device for device in available if device.kind == name]
    if name == "GPU":
        same_kind = [device for device in same_kind if device.vendor in ("Intel", None)]
        same_kind.sort(key=lambda device: device.vendor is None)
    return same_kind[0] if same_kind else None


def _same_numbered_device(listed: str, requested: str) -> bool:
    """A machine with one GPU lists it as `GPU`, and OpenVINO takes `GPU.0` for it."""
    return requested in (listed, f"{listed}.0")


def _why_not(requested: str, available: Sequence[DeviceInfo]) -> str:
    foreign = [device.full_name for device in available if device.kind == requested.upper() == "GPU"]
    if foreign:
        return Notice("notices.foreign_gpus", names=", ".join(foreign))
    return Notice("notices.device_not_found", device=requested)

"""Which models to take for the devices of this PC, on the page and in its API."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from admin.live.views import DeviceCard
from memory.readings import default_reserve, read_system_memory
from pools.instance_plan import estimated_bytes
from registry.catalogue import bundled_entries
from registry.recommend import DeviceBudget, Hardware, Recommendation, recommend


def seats(cards: Sequence[DeviceCard]) -> tuple[DeviceBudget, ...]:
    """The devices that the servers really run on, each once; before one runs, what it asks for."""
    total = read_system_memory().total
    found: dict[str, DeviceBudget] = {}
    for card in cards:
        used = card.kind.upper()
        budget = card.memory.limit if card.memory else total - default_reserve(total)
        full_name = card.hardware.name if card.hardware else used
        shared = card.memory is None or card.memory.shared
        if card.hardware or used not in found:
            found[used] = DeviceBudget(used, full_name, hardware_kind(used, shared=shared), budget)
    return tuple(found.values())


def hardware_kind(device: str, *, shared: bool) -> Hardware:
    """Of an OpenVINO device; `shared`: it draws on the machine's memory."""
    if device.startswith("NPU"):
        return "npu"
    if device.startswith("CPU"):
        return "cpu"
    return "igpu" if shared else "dgpu"


@lru_cache(maxsize=4)
def recommendations(seats: tuple[DeviceBudget, ...]) -> tuple[Recommendation, ...]:
    return tuple(recommend(bundled_entries(), seat, estimated_bytes) for seat in seats)

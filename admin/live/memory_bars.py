"""Memory as the page draws it: the machine's and each device's, as a bar of what takes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from memory.readings import read_system_memory
from reports.device import MemoryReport, ModelMemory

BAR_STEP = 50_000_000
MODEL_STEP = 5_000_000


@dataclass(frozen=True)
class MemoryBar:
    """Bytes of one physical memory: what our instances take, as weights and as the rest of them (KV cache and what the
    runtime needs), what is promised to them beyond that, what other programs take. `shared`: it is the machine's RAM,
    not a memory of the device's own; then instances of other devices take `elsewhere` of it. `limit`: what the
    device's instances may take together."""

    total: int
    weights: int
    cache: int
    reserved: int
    other: int
    shared: bool = True
    elsewhere: int = 0
    limit: int = 0

    @property
    def used(self) -> int:
        return self.weights + self.cache

    @property
    def free(self) -> int:
        return max(self.total - self.used - self.reserved - self.elsewhere - self.other, 0)

    @property
    def parts(self) -> list[tuple[str, int, float, float]]:
        """Name, bytes, and in percent of the whole where the part begins and how long it is."""
        parts: list[tuple[str, int, float, float]] = []
        begin = 0.0
        for name in ("weights", "cache", "reserved", "elsewhere", "other"):
            size: int = getattr(self, name)
            length = round(100 * size / self.total, 1) if self.total else 0.0
            parts.append((name, size, round(begin, 1), length))
            begin += length
        return parts


def device_memory(report: MemoryReport | None) -> MemoryBar | None:
    """What others take of a memory of its own is what is missing there; of the machine's it is read once for all."""
    if report is None:
        return None
    used = report.used_bytes
    weights = min(sum(_weights(model) for model in report.models), used)
    reserved = max(report.reserved_bytes - used, 0)
    return MemoryBar(
        report.total_bytes,
        weights=rounded(weights, MODEL_STEP),
        cache=rounded(used - weights, MODEL_STEP),
        reserved=rounded(reserved, MODEL_STEP),
        other=rounded(max(report.limit_bytes - report.available_bytes - used - reserved, 0), BAR_STEP),
        shared=report.memory == "system",
        limit=report.limit_bytes,
    )


def _weights(model: ModelMemory) -> int:
    """Of one model's instances, as far as they are filled."""
    return min(model.estimated_weight_bytes * len(model.instances), model.measured_bytes)


def machine_memory(devices: Iterable[MemoryBar | None]) -> MemoryBar:
    """The machine's RAM with the instances of all devices that share it."""
    memory = read_system_memory()
    bars = [bar for bar in devices if bar and bar.shared]
    weights, cache = sum(bar.weights for bar in bars), sum(bar.cache for bar in bars)
    other = max(memory.total - memory.available - weights - cache, 0)
    return MemoryBar(memory.total, weights, cache, 0, rounded(other, BAR_STEP))


def beside_others(bar: MemoryBar | None, machine: MemoryBar) -> MemoryBar | None:
    """A device that shares the machine's memory sees the same other programs in it as the machine's own bar."""
    if bar is None or not bar.shared:
        return bar
    return replace(bar, total=machine.total, other=machine.other, elsewhere=max(machine.used - bar.used, 0))


def rounded(value: int | None, step: int) -> int:
    """A figure that trembles is not worth sending."""
    return round((value or 0) / step) * step

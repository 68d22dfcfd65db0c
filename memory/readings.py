"""Readings of physical memory: what the machine has, what is left, what a process takes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import psutil

from memory.gpu import read_gpu_memory, read_shared_resident

GB = 10**9

_CGROUP_ROOT = Path("/sys/fs/cgroup")
_PRESSURE = Path("/proc/pressure/memory")


@dataclass(frozen=True)
class MemoryReading:
    """Bytes. `available` is what programs can still take without swapping."""

    total: int
    available: int


@dataclass(frozen=True)
class ProcessMemory:
    """Bytes. `resident` is all a process has of a memory; `private` is what is missing from that memory's `available`:
    pages of files are not, although a model's mapped weights are in use all the time. `complete`: whether that is all;
    buffers of a GPU may be missing where the system does not tell them."""

    resident: int
    private: int
    complete: bool = True


@dataclass(frozen=True)
class PhysicalMemory:
    """One memory that devices draw from. The CPU, the NPU and integrated GPUs share "system"; a discrete GPU has its
    own, whose reading knows the total only. `measure` returns what a process, by its id, uses of it, None where
    there is none or it is unknown."""

    name: str
    read: Callable[[], MemoryReading]
    measure: Callable[[int], ProcessMemory | None]
    shared_with_host: bool = True


def system_memory(*, with_gpu: bool = False) -> PhysicalMemory:
    """The machine's RAM; `with_gpu`: its processes use an integrated GPU, whose buffers lie there."""
    return PhysicalMemory("system", read_system_memory, read_gpu_process if with_gpu else read_process_memory)


def device_memory(device: str, total: int) -> PhysicalMemory:
    """The memory of a discrete GPU: `total` bytes."""
    return PhysicalMemory(device, lambda: MemoryReading(total, total), _read_on_card, shared_with_host=False)


def default_reserve(total: int) -> int:
    """What is left to other programs when nothing is configured: a tenth of the memory, 2 GB at most."""
    return min(total // 10, 2 * GB)


def read_system_memory(*, root: Path = _CGROUP_ROOT, own_group: Path = Path("/proc/self/cgroup")) -> MemoryReading:
    """The machine's RAM, or the share of it that this process's control group (version 2) is limited to."""
    memory = psutil.virtual_memory()
    total, available = memory.total, memory.available
    for group in _control_groups(root, own_group):
        limit = _read_number(group / "memory.max")
        used = None if limit is None else _read_number(group / "memory.current")
        if limit is not None and used is not None and limit < memory.total:
            total = min(total, limit)
            available = min(available, max(0, limit - used + _reclaimable(group)))
    return MemoryReading(total, available)


def read_pressure(path: Path = _PRESSURE) -> float | None:
    """The share of the last 10 seconds (percent) in which some process waited for memory; None where the kernel does
    not say (https://docs.kernel.org/accounting/psi.html)."""
    try:
        fields = path.read_text(encoding="utf-8").split()
        return float(next(field for field in fields if field.startswith("avg10=")).removeprefix("avg10="))
    except (OSError, StopIteration, ValueError):
        return None


def read_process_memory(pid: int) -> ProcessMemory | None:
    """What a process has in RAM, with the buffers of an integrated GPU; None when there is no such process any more."""
    try:
        info = psutil.Process(pid).memory_info()
    except psutil.Error:
        return None
    buffers = read_gpu_memory(pid).in_ram
    unmapped = max(0, buffers - read_shared_resident(pid)) if buffers else 0
    # Windows and macOS do not tell files' pages apart.
    return ProcessMemory(info.rss + unmapped, info.rss - getattr(info, "shared", 0) + buffers)


def read_gpu_process(pid: int) -> ProcessMemory | None:
    """As `read_process_memory`, of a process that uses an integrated GPU."""
    memory = read_process_memory(pid)
    return memory and replace(memory, complete=read_gpu_memory(pid).told)


def _read_on_card(pid: int) -> ProcessMemory | None:
    size = read_gpu_memory(pid).on_card
    return ProcessMemory(size, 0) if size else None


@cache
def _control_groups(root: Path, own_group: Path) -> list[Path]:
    """The own control group and those above it, each of which may set a limit. A process stays in its group."""
    try:
        lines = own_group.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    path = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if path is None:
        return []
    group = root / path
    return [each for each in (group, *group.parents) if each == root or root in each.parents]


def _read_number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _reclaimable(group: Path) -> int:
    try:
        lines = (group / "memory.stat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "active_file ")))

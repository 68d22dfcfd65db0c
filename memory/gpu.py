"""What a process holds of GPU memory, as the Linux kernel tells it (Documentation/gpu/drm-usage-stats.rst).

Buffers that a driver keeps for a process do not show in its resident size, neither those on the card nor those an
integrated GPU has in RAM. Windows has no such files; there the estimate stands alone.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_DEVICE_FILES = "/dev/dri/"
_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2}
_REGION = re.compile(r"drm-(resident|total|memory)-(\w+):\s*(\d+)\s*(KiB|MiB|)$", re.MULTILINE)
_MOST_TELLING = ("resident", "total", "memory")
_ON_THE_CARD = ("vram", "local")  # xe and i915
_IN_RAM = ("system", "gtt")


@dataclass(frozen=True)
class GpuMemory:
    """Bytes: `on_card` in a discrete GPU's own memory, `in_ram` in the machine's. `told`: whether the kernel gave any
    figure; older ones and other systems do not."""

    on_card: int = 0
    in_ram: int = 0
    told: bool = False


def read_gpu_memory(pid: int, proc: Path = _PROC) -> GpuMemory:
    """What all open files of a process show; nothing where the system does not tell."""
    clients: dict[tuple[str, str], GpuMemory] = {}
    for text in _drm_files(proc / str(pid)):
        # Descriptors of one client show the same figures.
        clients[_field(text, "drm-pdev"), _field(text, "drm-client-id")] = _parse(text)
    return GpuMemory(
        sum(client.on_card for client in clients.values()),
        sum(client.in_ram for client in clients.values()),
        any(client.told for client in clients.values()),
    )


def read_shared_resident(pid: int, proc: Path = _PROC) -> int:
    """Bytes of shared memory in a process's resident size: mapped GPU buffers are counted there once already."""
    try:
        text = (proc / str(pid) / "status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = re.search(r"^RssShmem:\s*(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _drm_files(process: Path) -> Iterator[str]:
    directory = str(process / "fd")  # read several times a second: Path objects for each would double the cost
    try:
        descriptors = os.listdir(directory)  # noqa: PTH208
    except OSError:
        return
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # it may have been closed meanwhile
            if os.readlink(f"{directory}/{descriptor}").startswith(_DEVICE_FILES):  # noqa: PTH115
                yield (process / "fdinfo" / descriptor).read_text(encoding="utf-8", errors="replace")


def _parse(text: str) -> GpuMemory:
    found: dict[str, dict[str, int]] = {}
    for measure, region, number, unit in _REGION.findall(text):
        found.setdefault(region, {})[measure] = int(number) * _UNITS[unit]
    best = {
        region: next(values[measure] for measure in _MOST_TELLING if measure in values)
        for region, values in found.items()
    }
    on_card = sum(size for region, size in best.items() if region.startswith(_ON_THE_CARD))
    return GpuMemory(on_card, sum(size for region, size in best.items() if region.startswith(_IN_RAM)), bool(best))


def _field(text: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(\S+)", text, re.MULTILINE)
    return found[1] if found else ""

"""Memory, disk and power."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import humanize
import psutil

from doctor.findings import Finding
from doctor.hardware import gigabytes
from memory.readings import MemoryReading
from model_files.compile_cache import DAMAGED_SUFFIX
from storage.owner_only import others_can_read

_SMALL_MEMORY = 8e9
_LITTLE_MEMORY = 3e9
_LITTLE_DISK = 20e9
_NO_DISK = 3e9
_DEEP_FOLDER = 120
"""Characters, of Windows' 260: the rest is for a model's folder, its files and the compile cache."""
_LONG_PATHS = (
    r"New-ItemProperty HKLM:\SYSTEM\CurrentControlSet\Control\FileSystem -Name LongPathsEnabled -Value 1 "
    "-PropertyType DWORD -Force"
)
_PROFILE = Path("/sys/firmware/acpi/platform_profile")


def examine_memory(reading: MemoryReading) -> Finding:
    values = {"total": gigabytes(reading.total), "available": gigabytes(reading.available)}
    if reading.total < _SMALL_MEMORY:
        return Finding("memory_small", "warning", "memory", values, advice="advice")
    if reading.available < _LITTLE_MEMORY:
        return Finding("memory_low", "warning", "memory", values, advice="advice")
    return Finding("memory_ok", "ok", "memory", values)


def examine_caches(data_dir: Path) -> list[Finding]:
    """Compile caches that were put aside because a model loads only without them."""
    damaged = sorted(path for path in data_dir.glob(f"cache_*/*{DAMAGED_SUFFIX}") if path.is_dir())
    return [
        Finding(
            "damaged_cache",
            "note",
            "storage",
            {"path": str(path), "model": path.stem},
            f"{path.parent.name}/{path.stem}",
            "advice",
        )
        for path in damaged
    ]


def examine_disk(free: int, folder: Path) -> Finding:
    values = {"free": humanize.naturalsize(free), "folder": str(folder)}
    if free < _NO_DISK:
        return Finding("disk_full", "problem", "storage", values, advice="advice")
    if free < _LITTLE_DISK:
        return Finding("disk_low", "warning", "storage", values, advice="advice")
    return Finding("disk_ok", "ok", "storage", values)


def examine_folders(folders: Sequence[Path], *, platform: str = sys.platform, long_paths: bool = True) -> list[Finding]:
    """Whether the program may write where it keeps its data; the first folder is the data directory. `long_paths`:
    whether the system takes paths beyond Windows' 260 characters."""
    findings = []
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as stream:
                stream.write(b"doctor")
        except OSError as error:
            values = {"folder": str(folder), "reason": error.strerror or str(error)}
            findings.append(Finding("folder_not_writable", "problem", "storage", values, str(folder), "advice"))
    if not findings:
        findings.append(Finding("folder_ok", "ok", "storage", {"folder": str(folders[0])}))
    if platform == "win32" and not str(folders[0]).isascii():
        findings.append(Finding("folder_letters", "note", "storage", {"folder": str(folders[0])}, advice="advice"))
    depth = len(str(folders[0]))
    if not long_paths and depth > _DEEP_FOLDER:
        values = {"folder": str(folders[0]), "length": depth}
        findings.append(Finding("folder_deep", "warning", "storage", values, advice="advice", command=_LONG_PATHS))
    return findings


def examine_private_files(files: Sequence[Path]) -> list[Finding]:
    """Whether others can read what holds keys or tokens."""
    findings = []
    for file in files:
        with contextlib.suppress(OSError):  # it need not exist
            if others_can_read(file):
                values = {"file": str(file)}
                findings.append(Finding("file_readable", "warning", "storage", values, file.name, "advice"))
    return findings


def read_power() -> tuple[bool, str]:
    """(whether the machine runs on its battery, the power profile's name where the system tells it)."""
    profile = ""
    with contextlib.suppress(OSError):
        profile = _PROFILE.read_text(encoding="utf-8").strip()
    try:
        battery = psutil.sensors_battery()
    except (AttributeError, OSError, NotImplementedError):  # not on every system
        battery = None
    return battery is not None and battery.power_plugged is False, profile


def examine_power(on_battery: bool, profile: str) -> list[Finding]:
    findings = []
    if on_battery:
        findings.append(Finding("on_battery", "note", "devices", advice="advice"))
    if profile in ("low-power", "quiet", "cool"):
        findings.append(Finding("power_saving", "note", "devices", {"profile": profile}, advice="advice"))
    return findings

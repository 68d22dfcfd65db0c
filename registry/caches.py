"""The compiled models that OpenVINO keeps in cache_<device>/, and those nobody needs any more."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from notices import Notice
from registry.disk import directory_size
from registry.errors import LocalModelNotFound, ModelInUse
from registry.names import inside

PREFIX = "cache_"
_KEPT = (".json",)  # measured memory costs, which no compiling brings back


@dataclass(frozen=True)
class DeviceCache:
    """orphaned: the device stands in no configuration any more."""

    device: str
    path: Path
    size_bytes: int
    orphaned: bool


def list_caches(data_dir: Path, devices: Collection[str]) -> list[DeviceCache]:
    """The compile caches in the data directory. devices: the names in the configuration."""
    found = []
    for path in sorted(data_dir.glob(f"{PREFIX}*")):
        if path.is_dir() and not path.is_symlink():
            device = path.name.removeprefix(PREFIX)
            found.append(DeviceCache(device, path, directory_size(path), device not in devices))
    return found


def clear_cache(data_dir: Path, device: str, devices: Collection[str]) -> int:
    """Delete a device's cache; the bytes freed. The next load compiles anew. What was measured of its models is kept
    unless the device is in no configuration any more. Raises ModelNotFound, ModelInUse, OSError."""
    path = inside(data_dir, f"{PREFIX}{device}")
    if "/" in device or "\\" in device or not path.is_dir() or path.is_symlink():
        raise LocalModelNotFound(Notice("notices.no_compile_cache", device=device))
    size = directory_size(path)
    try:
        if device not in devices:
            shutil.rmtree(path)
            return size
        for entry in path.iterdir():
            _delete(entry)
    except PermissionError as error:  # Windows, where open files stay
        message = Notice("notices.cache_files_open", name=path.name)
        raise ModelInUse(message, in_use_by=[device]) from error
    return size - directory_size(path)


def _delete(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    elif entry.suffix not in _KEPT:
        entry.unlink()

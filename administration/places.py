"""Which places in the file system a request may write into the configuration: those in the data directory.

Whoever edits the file itself may name any place; a model elsewhere can be imported by reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from administration.errors import AdministrationError
from configuration.device_config import ModelAssignment

_PLACE_KEY = re.compile(r"DIR|PATH|FILE|DUMP|BLOB", re.IGNORECASE)
_SEPARATOR = re.compile(r"[/\\]")


def check_places(settings: dict[str, Any], before: ModelAssignment, data_dir: Path) -> None:
    """`settings`: what a request changes of a model that was `before`; what it leaves as it was is not looked at.
    Raises `AdministrationError`."""
    path = settings.get("path")
    if path is not None and path != before.path and not _is_inside(data_dir / path, data_dir):
        raise AdministrationError(422, "outside_data_dir", path=path)
    known = set(_places(before.extra_config))
    for key, value in _places(settings.get("extra_config") or {}):
        # A worker would take a relative one from where it runs.
        if (key, value) not in known and not (Path(value).is_absolute() and _is_inside(Path(value), data_dir)):
            raise AdministrationError(422, "outside_data_dir", path=value)


def _places(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The properties that name a file or a folder, by their name or by how they look."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _places(inner, key)
    elif isinstance(value, str) and value and (_SEPARATOR.search(value) or _PLACE_KEY.search(key)):
        yield key, value


def _is_inside(path: Path, directory: Path) -> bool:
    try:
        return path.resolve().is_relative_to(directory.resolve())
    except (OSError, ValueError):  # a name that no file can have
        return False

"""The entry of `device_config.json` for a model of this machine."""

from __future__ import annotations

from pathlib import Path

from devices.config import ModelAssignment
from registry.local import LocalModel

_GB = 1e9


def new_assignment(model: LocalModel, data_dir: Path) -> ModelAssignment:
    size = model.facts.size_bytes
    return ModelAssignment(
        id=model.id,
        path=written_path(model.path, data_dir),
        estimated_memory_gb=max(round(size / _GB, 2), 0.01) if size else None,
    )


def written_path(path: Path, data_dir: Path) -> str:
    """Relative to the data directory where that is possible, so that the folder can be moved."""
    try:
        return path.resolve().relative_to(data_dir.resolve()).as_posix()
    except ValueError:
        return str(path.resolve())

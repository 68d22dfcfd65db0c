"""The entry of `device_config.json` for a model of this machine."""

from __future__ import annotations

from pathlib import Path

from configuration.device_config import ModelAssignment
from registry.local import LocalModel


def new_assignment(model: LocalModel, data_dir: Path) -> ModelAssignment:
    return ModelAssignment(id=model.id, path=written_path(model.path, data_dir))


def written_path(path: Path, data_dir: Path) -> str:
    """Relative to the data directory where that is possible, so that the folder can be moved."""
    try:
        return path.resolve().relative_to(data_dir.resolve()).as_posix()
    except ValueError:
        return str(path.resolve())

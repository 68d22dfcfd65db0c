"""Whether a model on disk still is what the hub published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from notices import Notice
from registry.errors import RegistryConflict
from registry.files import RemoteFile, is_intact
from registry.local import LocalModel


@dataclass(frozen=True)
class Verification:
    """damaged: files that are absent or whose size or hash is another than the hub stated."""

    model_id: str
    files: int
    damaged: tuple[str, ...]

    @property
    def intact(self) -> bool:
        return not self.damaged


def verify(model: LocalModel, on_bytes: Callable[[int], None] | None = None) -> Verification:
    """Hash every file again; reads the whole model. Raises Conflict for a model without recorded hashes."""
    try:
        files = msgspec.convert(model.metadata.files if model.metadata else [], list[RemoteFile])
    except msgspec.ValidationError:
        files = []
    if not files:
        raise RegistryConflict(Notice("notices.no_hashes", model=model.id))
    damaged = tuple(file.path for file in files if not is_intact(file, model.path / file.path, on_bytes))
    return Verification(model.id, len(files), damaged)

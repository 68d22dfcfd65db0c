"""Space and safe replacement in the models directory."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

import humanize

from notices import Notice
from registry.names import TRASH
from storage.files import replace_path, write_atomically


def free_bytes(directory: Path) -> int:
    """Bytes free on the volume of a directory that need not exist yet."""
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    return shutil.disk_usage(directory).free


def little_room(left: int) -> str:
    """What to say of a disk on which a model will find room, but hardly what is compiled from it."""
    size = humanize.naturalsize(max(left, 0))
    return Notice("notices.disk_nearly_full", size=size)


def directory_size(directory: Path) -> int:
    """Bytes of all files below a directory; what vanishes meanwhile counts nothing. Links are not followed."""
    total = 0
    for root, _, names in os.walk(directory):
        for name in names:
            try:
                total += Path(root, name).lstat().st_size
            except OSError:
                continue
    return total


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Replace a file at once: a reader sees the old text or the new one; durable: also after a power cut."""
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=2).encode(), durable=durable)


def put_in_place(source: Path, target: Path, models_dir: Path) -> None:
    """Make `source` the directory `target`, an older one making room. Raises OSError, then nothing has changed."""
    aside = move_aside(target, models_dir) if target.exists() else None
    try:
        replace_path(source, target)
    except OSError:
        if aside:
            replace_path(aside, target)
        raise
    if aside:
        shutil.rmtree(aside, ignore_errors=True)


def move_aside(directory: Path, models_dir: Path) -> Path:
    """Rename into the trash, so that half of a directory being deleted is never seen as a model. Raises OSError."""
    trash = models_dir / TRASH
    trash.mkdir(exist_ok=True)
    aside = trash / f"{directory.name}-{uuid.uuid4().hex[:8]}"
    replace_path(directory, aside)
    return aside


def empty_trash(models_dir: Path) -> None:
    shutil.rmtree(models_dir / TRASH, ignore_errors=True)

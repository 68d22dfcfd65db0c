"""What can be wrong with a file of a model, in a sentence."""

from __future__ import annotations

from pathlib import Path

from notices import Notice

_POINTER = b"version https://git-lfs"
_MAX_POINTER_BYTES = 1024


def sentence(error: Exception) -> str:
    text = str(error)
    return text if isinstance(text, Notice) else f"{text}."


def pointer_sentence(path: Path) -> str | None:
    """A clone without Git LFS holds small texts that stand for the large files."""
    if path.stat().st_size > _MAX_POINTER_BYTES or not path.read_bytes().startswith(_POINTER):
        return None
    return Notice("notices.lfs_pointer", file=path.name)


def cut_short(path: Path, whole: int) -> str:
    return Notice("notices.file_cut_short", file=path.name, size=f"{path.stat().st_size:,}", whole=f"{whole:,}")

"""Reading and replacing files that others read, replace or look at in the same moment."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from storage.owner_only import restrict_to_owner

BROKEN_FILE: tuple[type[Exception], ...] = (
    OSError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError, msgspec.MsgspecError,
)  # fmt: skip
"""What reading a JSON file of ours can raise where it is gone, damaged, or holds other kinds of values than meant."""

_WAITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 1.0) if sys.platform == "win32" else ()
"""Seconds between tries where Windows refuses: a virus scanner, an editor or another process of ours is at the file."""

T = TypeVar("T")


def write_atomically(path: Path, data: bytes, *, private: bool = False, durable: bool = True) -> None:
    """Write beside `path` and rename over it: a reader sees the old content or the new one, never half of it. Raises
    OSError and leaves the old file in that case.

    `private`: only the owner can read it, not a moment later than it exists. `durable`: also after a power cut.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if private:
                restrict_to_owner(Path(temporary))
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        replace_path(Path(temporary), path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        _sync_directory(path.parent)


def replace_path(source: Path, target: Path, *, waits: tuple[float, ...] = _WAITS) -> None:
    """Rename a file over another, or a directory to a name that is free. Raises OSError."""
    _patiently(lambda: source.replace(target), waits)


def read_bytes(path: Path, *, waits: tuple[float, ...] = _WAITS) -> bytes:
    """The content of a file that may be replaced at this moment. Raises OSError."""
    return _patiently(path.read_bytes, waits)


def _patiently(act: Callable[[], T], waits: tuple[float, ...]) -> T:
    for wait in waits:
        try:
            return act()
        except PermissionError:
            time.sleep(wait)
    return act()


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)

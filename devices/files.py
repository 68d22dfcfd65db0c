"""Writing files so that a reader sees the old content or the new one, never half of it."""

import contextlib
import getpass
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

BROKEN_FILE: tuple[type[Exception], ...] = (
    OSError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError, msgspec.MsgspecError,
)  # fmt: skip
"""What reading a JSON file of ours can raise where it is gone, damaged, or holds other kinds of values than meant."""

_REPLACE_ATTEMPTS = 20
_REPLACE_PAUSE_SECONDS = 0.05


def write_atomically(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write beside `path`, flush to disk, rename over it. Raises OSError and leaves the old file in that case.

    `private`: nobody but the owner can read it, not for a moment.
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
            os.fsync(stream.fileno())
        _replace(Path(temporary), path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def restrict_to_owner(path: Path) -> None:
    """Take everybody else's right to read a file. Raises OSError."""
    if sys.platform != "win32":
        path.chmod(0o600)
        return
    command = ["icacls", str(path), "/inheritance:r", "/grant:r", f"{getpass.getuser()}:F"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        raise OSError(f"the rights of {path.name} could not be set (icacls: {error.returncode})") from error


def _replace(source: Path, target: Path) -> None:
    """On Windows a virus scanner or an editor may hold the target open for a moment."""
    for attempt in range(_REPLACE_ATTEMPTS):
        try:
            source.replace(target)
            return
        except PermissionError:
            if os.name != "nt" or attempt == _REPLACE_ATTEMPTS - 1:
                raise
            time.sleep(_REPLACE_PAUSE_SECONDS)


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)

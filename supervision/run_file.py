"""Who is in charge of a data directory: one process at a time, and where the admin server that is can be reached."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from storage.files import BROKEN_FILE, read_bytes, write_atomically

_RUN_FILE = ".running.json"
_LOCK_FILE = ".running.lock"


class DirectoryInUse(Exception):
    """Another process manages this data directory. `url`: the admin server's, if it is one."""

    def __init__(self, data_dir: Path, running: RunningAdmin | None) -> None:
        super().__init__(f"Another process manages {data_dir}" + (f" (PID {running.pid})." if running else "."))
        self.url = running.url if running else None


@dataclass(frozen=True)
class RunningAdmin:
    """`url` without a slash at the end. `key`: what the admin server asks its callers for, if anything;
    `certificate`: the file of the one that it shows, where it speaks TLS."""

    url: str
    pid: int
    key: str | None = field(default=None, repr=False)
    certificate: str | None = None


def lock_data_directory(data_dir: Path) -> contextlib.AbstractContextManager[object]:
    """The right to manage a data directory: to pull, import, delete. It is held already, until the end of its block or
    of the process, however that ends. Raises `DirectoryInUse`, OSError."""
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        return FileLock(data_dir / _LOCK_FILE).acquire(timeout=0)
    except Timeout as error:
        raise DirectoryInUse(data_dir, read_run_file(data_dir)) from error


@contextlib.contextmanager
def announced(data_dir: Path, url: str, *, key: str | None = None, certificate: Path | None = None) -> Iterator[None]:
    """Tell commands where the admin server is, in a file that only its owner can read, while it runs."""
    path = data_dir / _RUN_FILE
    running = RunningAdmin(url, os.getpid(), key, str(certificate) if certificate else None)
    write_atomically(path, json.dumps(asdict(running)).encode("utf-8"), private=True)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def read_run_file(data_dir: Path) -> RunningAdmin | None:
    """None where no admin server has announced itself, or its process is gone."""
    try:
        running = RunningAdmin(**json.loads(read_bytes(data_dir / _RUN_FILE)))
        return running if psutil.pid_exists(running.pid) else None
    except BROKEN_FILE:
        return None

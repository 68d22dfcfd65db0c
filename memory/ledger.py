"""What the device servers of one machine have promised of its memory, for each other to see.

Every server process keeps one small file in a shared directory. There is no central keeper whose death could lose the
book: a file whose process has ended (checked by process id and start time) simply does not count any more.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import psutil
from filelock import FileLock, Timeout

from storage.files import BROKEN_FILE, read_bytes, write_atomically

_LOAD_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class MemoryReservation:
    """`size` bytes of the memory named `memory`, promised to an instance; `pid` is its worker once that runs."""

    memory: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    label: str
    pid: int | None = None


class MemoryLedger:
    """`directory` is the same for all device servers that share a machine's memory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._lock = FileLock(directory / "lock")
        self._load_lock = FileLock(directory / "load.lock")
        own = psutil.Process()
        self._file = directory / f"{own.pid}-{int(own.create_time())}.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """No other server reserves meanwhile. Held for milliseconds; a killed holder's lock is free."""
        with self._lock:
            yield

    @contextlib.asynccontextmanager
    async def load_turn(self) -> AsyncIterator[None]:
        """A machine-wide lock: one model loads at a time. Held for the whole load."""
        while True:
            try:
                self._load_lock.acquire(blocking=False)
                break
            except Timeout:
                await asyncio.sleep(_LOAD_POLL_SECONDS)
        try:
            yield
        finally:
            self._load_lock.release()

    def publish(self, reservations: Iterable[MemoryReservation]) -> None:
        """Replace what this process has promised."""
        content = json.dumps([asdict(reservation) for reservation in reservations])
        write_atomically(self._file, content.encode())

    def others(self) -> list[MemoryReservation]:
        """What the other living servers have promised. Files of dead ones are removed on the way."""
        found: list[MemoryReservation] = []
        for path in self._directory.glob("*.json"):
            if path == self._file:
                continue
            if not _is_alive(path.stem):
                path.unlink(missing_ok=True)
                continue
            with contextlib.suppress(*BROKEN_FILE):
                found += msgspec.json.decode(read_bytes(path), type=list[MemoryReservation])
        return found

    def close(self) -> None:
        """Take this process's file away."""
        self._file.unlink(missing_ok=True)


def _is_alive(stem: str) -> bool:
    pid, _, started = stem.partition("-")
    if not (pid.isdigit() and started.isdigit()) or int(pid) == os.getpid():
        return False
    try:
        return int(psutil.Process(int(pid)).create_time()) == int(started)
    except psutil.Error:
        return False

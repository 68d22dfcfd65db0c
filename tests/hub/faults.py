"""What can be made to go wrong while the test hub sends a file."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

CHUNK = 16 * 1024


class ConnectionCut(Exception):
    """Raised inside the server so that it drops the connection in the middle of a body."""


class Faults:
    """Switches by file name; bytes are counted from the start of the file. All may be set from the test's thread.

    ignore_ranges: answer a request for a part with the whole file, as some proxies do.
    """

    def __init__(self) -> None:
        self._cuts: dict[str, deque[int]] = defaultdict(deque)
        self._corruptions: dict[str, deque[int]] = defaultdict(deque)
        self._holds: dict[str, tuple[int, threading.Event, threading.Event]] = {}
        self._statuses: dict[str, deque[int]] = defaultdict(deque)
        self._delays: dict[str, float] = {}
        self.ignore_ranges = False

    def cut(self, name: str, at: Iterable[int]) -> None:
        """Drop the connection at each of these bytes, one request after the other."""
        self._cuts[name].extend(at)

    def corrupt(self, name: str, at: Iterable[int]) -> None:
        """In each of the next whole sendings of the file, flip the byte there."""
        self._corruptions[name].extend(at)

    def answer(self, name: str, statuses: Iterable[int]) -> None:
        """Answer the next requests for a file with these statuses."""
        self._statuses[name].extend(statuses)

    def delay(self, name: str, seconds: float) -> None:
        """Wait before each chunk of 16 KiB."""
        self._delays[name] = seconds

    def hold(self, name: str, at: int) -> tuple[threading.Event, threading.Event]:
        """Send up to this byte, then wait. Returns (reached, release): wait for the first, set the second."""
        reached, release = threading.Event(), threading.Event()
        self._holds[name] = (at, reached, release)
        return reached, release

    def release_all(self) -> None:
        for _, _, release in self._holds.values():
            release.set()

    def next_status(self, name: str) -> int | None:
        return self._statuses[name].popleft() if self._statuses[name] else None

    async def body(self, name: str, path: Path, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes start..end of a file, as the switches have it."""
        cut = self._next_cut(name, start)
        flip = self._corruptions[name].popleft() if start == 0 and self._corruptions[name] else None
        position = start
        with path.open("rb") as stream:
            stream.seek(start)
            while position < end:
                await self._wait(name, position)
                stop = min(end, position + CHUNK, *(p for p in (cut, self._held_at(name)) if p and p > position))
                chunk = bytearray(stream.read(stop - position))
                if flip is not None and position <= flip < stop:
                    chunk[flip - position] ^= 0xFF
                yield bytes(chunk)
                position = stop
                if position == cut:
                    raise ConnectionCut

    def _next_cut(self, name: str, start: int) -> int | None:
        cuts = self._cuts[name]
        while cuts:
            position = cuts.popleft()
            if position > start:
                return position
        return None

    def _held_at(self, name: str) -> int | None:
        hold = self._holds.get(name)
        return hold[0] if hold and not hold[2].is_set() else None

    async def _wait(self, name: str, position: int) -> None:
        if delay := self._delays.get(name):
            await asyncio.sleep(delay)
        hold = self._holds.get(name)
        if hold and position == hold[0]:
            hold[1].set()
            await asyncio.to_thread(hold[2].wait)

"""The log of one device server: a rotated file, and the latest lines in memory for those who look on."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from supervision.log_file import RotatingLogFile

MAX_LINE_CHARACTERS = 8192


@dataclass(frozen=True)
class LogLine:
    """`number` grows with each line, also over a restart of this program; `time` in seconds since the epoch."""

    number: int
    time: float
    text: str


class DeviceLog:
    """To be used from one event loop. `path` None keeps lines in memory only."""

    def __init__(
        self,
        path: Path | None,
        *,
        keep: int = 2000,
        max_bytes: int = 5_000_000,
        backups: int = 3,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._lines: deque[LogLine] = deque(maxlen=keep)
        self._next_number = int(clock() * 1000)
        self._followers: set[asyncio.Event] = set()
        self._closed = False
        self._file: RotatingLogFile | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = RotatingLogFile(path, max_bytes=max_bytes, backups=backups, delay=True)

    def write(self, text: str) -> LogLine:
        """Add one line; a very long one is cut. A disk that is full costs the file its line, never the caller."""
        if len(text) > MAX_LINE_CHARACTERS:
            text = f"{text[:MAX_LINE_CHARACTERS]} …"
        line = LogLine(self._next_number, self._clock(), text)
        self._next_number += 1
        self._lines.append(line)
        if self._file is not None:
            self._file.handle(logging.makeLogRecord({"msg": text}))
        self._wake_followers()
        return line

    def remark(self, level: str, text: str) -> LogLine:
        """A line of our own among those of the device server, in their form."""
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self._clock()))
        return self.write(f"{moment} {level} supervisor: {text}")

    def tail(self, count: int) -> list[LogLine]:
        return list(self._lines)[-count:] if count > 0 else []

    def after(self, number: int) -> list[LogLine]:
        """Lines newer than `number`, as far as they are still kept."""
        return [line for line in self._lines if line.number > number]

    async def follow(self, after: int | None = None) -> AsyncGenerator[LogLine, None]:
        """First the kept lines newer than `after` (None: all kept), then each new one, until the log is closed.
        A reader too slow for the writer misses the lines that are no longer kept."""
        changed = asyncio.Event()
        self._followers.add(changed)
        seen = -1 if after is None else after
        try:
            while True:
                changed.clear()
                lines = self.after(seen)
                for line in lines:
                    seen = line.number
                    yield line
                if lines:
                    continue
                if self._closed:
                    return
                await changed.wait()
        finally:
            self._followers.discard(changed)

    def close(self) -> None:
        self._closed = True
        if self._file is not None:
            self._file.close()
        self._wake_followers()

    def _wake_followers(self) -> None:
        for follower in self._followers:
            follower.set()

"""A shared reading of the whole suite, taken while somebody watches and handed to every open page."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from admin.live.views import Snapshot

logger = logging.getLogger(__name__)

READ_SECONDS = 0.3


class LiveFeed:
    """Calls `read` every `interval` seconds as long as there are followers; `poke` asks for a reading at once."""

    def __init__(self, read: Callable[[], Awaitable[Snapshot]], *, interval: float = READ_SECONDS) -> None:
        self._read = read
        self._interval = interval
        self._followers = 0
        self._latest: Snapshot | None = None
        self._closed = False
        self._wanted = asyncio.Event()
        self._published = asyncio.Condition()

    async def run(self) -> None:
        """Read until closed. A reading that fails is logged; the next one may succeed."""
        while not self._closed:  # being cancelled is not enough: `wait_for` may overlook it when it ends by itself
            await self._wanted.wait()
            self._wanted.clear()
            try:
                snapshot = await self._read()
            except Exception:
                logger.exception("cannot read the state of the suite")
            else:
                await self._publish(snapshot)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), self._interval)
            if self._followers:
                self._wanted.set()

    def poke(self) -> None:
        self._wanted.set()

    async def close(self) -> None:
        """End every follower's stream, so that a server that is stopping does not wait for open pages."""
        async with self._published:
            self._closed = True
            self._published.notify_all()
        self._wanted.set()

    async def follow(self) -> AsyncIterator[Snapshot]:
        """Every reading from now on; a slow reader skips those it has no time for."""
        self._followers += 1
        self.poke()
        seen: Snapshot | None = None
        try:
            while True:
                async with self._published:
                    await self._published.wait_for(lambda seen=seen: self._closed or self._latest is not seen)
                    if self._closed or self._latest is None:
                        return
                    seen = self._latest
                yield seen
        finally:
            self._followers -= 1

    async def _publish(self, snapshot: Snapshot) -> None:
        async with self._published:
            self._latest = snapshot
            self._published.notify_all()

"""A uvicorn server whose end loses no request that was on its way."""

import asyncio
import contextlib
import socket
from types import FrameType

import uvicorn

_LAST_REQUESTS_SECONDS = 0.25
_FIRST_REQUEST_SECONDS = 3.0
_POLL_SECONDS = 0.05
_TICK_SECONDS = 1.0


class GracefulServer(uvicorn.Server):
    """Accepts no more, answers what was accepted, then ends. A connection that has not brought a request yet keeps it
    for `_FIRST_REQUEST_SECONDS` at most: on a busy machine a client takes a while from connecting to sending.

    uvicorn closes accepted connections whose request it has not read yet; where the listening socket lives on in
    another process, those are the only ones a client would see reset. It also wakes up ten times a second to see
    whether it shall end; this one is told.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    def stop(self) -> None:
        """Begin to end. May be called from any thread."""
        self.should_exit = True
        self._wake()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._wake()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):  # which also renews the Date header
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._told.wait(), _TICK_SECONDS)

    def _wake(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        for _ in range(int((_FIRST_REQUEST_SECONDS - _LAST_REQUESTS_SECONDS) / _POLL_SECONDS)):
            if not self._first_requests_to_come():
                break
            await asyncio.sleep(_POLL_SECONDS)
        await super().shutdown(sockets)

    def _first_requests_to_come(self) -> bool:
        return any(getattr(connection, "cycle", None) is None for connection in self.server_state.connections)

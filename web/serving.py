"""A uvicorn server whose end loses no request that was on its way."""

import asyncio
import socket

import uvicorn

_LAST_REQUESTS_SECONDS = 0.25


class GracefulServer(uvicorn.Server):
    """Accepts no more, answers what was accepted, then ends.

    uvicorn closes accepted connections whose request it has not read yet; where the listening socket lives on in
    another process, those are the only ones a client would see reset.
    """

    def stop(self) -> None:
        """Begin to end. May be called from any thread."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await asyncio.sleep(_LAST_REQUESTS_SECONDS)
        await super().shutdown(sockets)

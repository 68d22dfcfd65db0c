"""Serving an app as a child of the admin server does: on sockets it was handed, until its standard input ends."""

import gc
import socket
from collections.abc import Callable, Sequence

import uvicorn
from starlette.types import ASGIApp

from supervision.lifeline import watch_stdin
from web.connection import timeout_protocol
from web.graceful_server import GracefulServer
from web.listening import open_listeners
from web.streaming import DirectBodies
from web.tls import TlsFiles

DRAIN_SECONDS = 5


def handed_sockets(descriptors: Sequence[int], host: str, port: int) -> list[socket.socket]:
    """The inherited listening sockets, or new ones where there are none. Raises `CannotListen` and OSError."""
    return [socket.socket(fileno=descriptor) for descriptor in descriptors] or open_listeners(host, port)


def serve_as_child(
    app: ASGIApp,
    sockets: list[socket.socket],
    *,
    log_level: str,
    tls: TlsFiles | None,
    on_end: Callable[[], None] = lambda: None,
) -> None:
    """`on_end` is called, in another thread, when no more requests are taken and those under way are finished."""
    config = uvicorn.Config(
        DirectBodies(app),
        log_level=log_level,
        http=timeout_protocol(),
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        server_header=False,
        **(tls.server_options() if tls else {}),
    )
    server = GracefulServer(config)

    def end() -> None:
        on_end()
        server.stop()

    watch_stdin(end)
    gc.freeze()  # what is there now stays: the collector would stop every stream to look at it
    server.run(sockets=sockets)  # in uvicorn's own event loop, which is uvloop where that exists

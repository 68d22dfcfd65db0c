"""Slow and stuck clients, over real sockets, with deadlines short enough for a test."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from unittest.mock import Mock

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from tests.helpers import wait_until
from web.connection import TimeoutProtocol, timeout_protocol
from web.streaming import StreamResponse

ended: list[str] = []


class Hasty(TimeoutProtocol):
    head_seconds = 0.3
    head_bytes = 5000
    body_seconds = 0.3
    reader_seconds = 0.3


async def length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def endless(request: Request) -> Response:
    async def chunks():
        try:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)  # after the cut, sending is no longer a wait
        finally:
            ended.append("endless")

    if request.url.path == "/stream":
        return StreamResponse(chunks(), media_type="text/event-stream", heartbeat=lambda: b":", heartbeat_seconds=0.05)
    return StreamingResponse(chunks())


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    routes = [Route("/endless", endless), Route("/stream", endless)]
    app = Starlette(routes=[*routes, Route("/", length, methods=["GET", "POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    protocol = timeout_protocol(Hasty)
    server = uvicorn.Server(uvicorn.Config(app, http=protocol, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})  # in the event loop of the product
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join()


def connect(address: tuple[str, int], text: bytes) -> socket.socket:
    connection = socket.create_connection(address, timeout=30)
    connection.sendall(text)
    return connection


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHo",
    ],
)
def test_who_does_not_finish_is_cut_off(address: tuple[str, int], text: bytes) -> None:
    with connect(address, text) as connection:
        try:
            while connection.recv(1000):
                pass
        except ConnectionError:
            pass


def test_an_endless_header_is_refused(address: tuple[str, int]) -> None:
    with connect(address, b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 6000) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 431")


def test_a_quick_sender_of_much_is_served(address: tuple[str, int]) -> None:
    body = b"x" * 3_000_000
    head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with connect(address, head + body) as connection:
        answer = b""
        while piece := connection.recv(1000):
            answer += piece
    assert answer.endswith(b"\r\n3000000")


class Loop:
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, act: Callable[[], None]) -> None:
        self.timers.append((self.now + seconds, act))

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer not in due]
        for _, act in due:
            act()


def test_after_a_standstill_a_deadline_begins_anew() -> None:
    loop, transport = Loop(), Mock(asyncio.Transport, get_extra_info=Mock(return_value=None))
    config = uvicorn.Config(Starlette(), log_config=None)
    config.load()
    protocol = timeout_protocol()(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    protocol.connection_made(transport)
    loop.sleep(TimeoutProtocol.head_seconds + 60)
    transport.abort.assert_not_called()
    loop.sleep(TimeoutProtocol.head_seconds)
    transport.abort.assert_called_once()


@pytest.mark.parametrize("path", ["/endless", "/stream"])
def test_a_reader_that_stops_ends_its_answer(address: tuple[str, int], path: str) -> None:
    ended.clear()
    with connect(address, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) as connection:
        connection.recv(10)
        wait_until(lambda: ended)

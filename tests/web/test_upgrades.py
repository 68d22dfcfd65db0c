"""Requests that offer another protocol, as stock Java clients do, are answered as the HTTP/1.1 they are."""

import json
import re
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from web.connection import timeout_protocol


async def echo(request: Request) -> Response:
    body = (await request.body()).decode("latin-1")
    return JSONResponse({"method": request.method, "body": body, "headers": dict(request.headers)})


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    app = Starlette(routes=[Route("/{rest:path}", echo, methods=["GET", "POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=timeout_protocol(), log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join()


offers = st.sampled_from(
    [
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n",
        b"Upgrade: h2c\r\nConnection: Upgrade\r\n",
        b"connection: keep-alive, upgrade\r\nupgrade: websocket\r\n",
        b"Connection: Upgrade\r\nUpgrade: TLS/1.0, HTTP/2.0\r\n",
        b"",
    ]
)
bodies = st.one_of(st.none(), st.binary(max_size=400), st.just(b"x" * 200_000))


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A request and its body."""
    body, offer = draw(bodies), draw(offers)
    if body is None:
        return b"GET /x HTTP/1.1\r\nHost: a\r\n" + offer + b"\r\n", b""
    head = b"POST /x?y=1 HTTP/1.1\r\nHost: a\r\nX-Kept: yes\r\n" + offer
    if draw(st.booleans()):
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body, body
    chunks = [body[at : at + 70] for at in range(0, min(len(body), 700), 70)]
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n", b"".join(chunks)


@given(sent=st.lists(requests(), min_size=1, max_size=3), cuts=st.lists(st.integers(1, 900), max_size=6))
@settings(max_examples=60, deadline=None)
def test_every_body_arrives_however_it_is_cut(
    address: tuple[str, int], sent: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(text for text, _ in sent)
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
    with socket.create_connection(address, timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reading = connection.makefile("rb")
        sending = threading.Thread(target=lambda: [connection.sendall(part) for part in _parts(stream, ends)])
        sending.start()
        for _, body in sent:
            status = reading.readline()
            assert status.startswith(b"HTTP/1.1 200"), status
            length = 0
            while (line := reading.readline()) != b"\r\n":
                if match := re.match(rb"content-length: (\d+)", line, re.IGNORECASE):
                    length = int(match[1])
            answer = json.loads(reading.read(length))
            assert answer["body"].encode("latin-1") == body
            assert "upgrade" not in answer["headers"]
            assert answer["method"] == "GET" or answer["headers"]["x-kept"] == "yes"
        sending.join()


def test_connection_close_is_still_heard(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi"
        )
        text = b""
        while piece := connection.recv(1000):
            text += piece
    assert b"hi" in text
    assert b"connection: close" in text.lower()


def test_a_tunnel_is_refused(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n")
        assert not connection.recv(1000).startswith(b"HTTP/1.1 2")


def _parts(stream: bytes, ends: list[int]) -> Iterator[bytes]:
    begin = 0
    for end in ends:
        yield stream[begin:end]
        begin = end

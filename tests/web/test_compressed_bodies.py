"""Bodies with `Content-Encoding: gzip` are read like others, within the same bounds; other encodings are refused."""

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from apis.errors import install_error_handlers, refusal
from tests.admin.site import make_site
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, Script
from web.compressed_bodies import CompressedBodies
from web.limits import Limits, RequestLimits

MOST = 1_000_000


async def _echo(request: Request) -> Response:
    return Response(await request.body(), headers={"seen": ",".join(request.headers)})


def _app() -> Starlette:
    limits = RequestLimits(MOST, 10)
    app = Starlette(
        routes=[Route("/", _echo, methods=["POST"])],
        middleware=[
            Middleware(CompressedBodies, refuse=refusal),
            Middleware(Limits, limits=limits, client_of=lambda _: None, refuse=refusal),
        ],
    )
    install_error_handlers(app)
    return app


async def _ask(pieces: list[bytes], encoding: str) -> tuple[int, bytes]:
    """Status and body of the answer to a body that comes in `pieces`."""
    coming = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, start=1)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-encoding", encoding.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers, "app": None}
    await _app()({**scope, "raw_path": b"/", "http_version": "1.1"}, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@given(
    parts=st.lists(st.binary(max_size=300_000) | st.just(b"a" * 250_000), min_size=1, max_size=3),
    encoding=st.sampled_from(["gzip", "x-gzip", " GZip"]),
    size=st.integers(1, 5000),
)
@settings(max_examples=40, deadline=None)
def test_what_was_packed_is_what_is_read(parts: list[bytes], encoding: str, size: int) -> None:
    packed = b"".join(gzip.compress(part) for part in parts)
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    status, body = asyncio.run(_ask(pieces, encoding))
    assert (status, body) == (200, b"".join(parts))


@given(text=st.binary(min_size=1, max_size=2000), data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_no_gzip_is_a_bad_request(text: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(text)
    broken = data.draw(st.sampled_from([packed[: data.draw(st.integers(1, len(packed) - 1))], b"{}", packed + b"x"]))
    status, body = asyncio.run(_ask([broken], "gzip"))
    assert status == 400
    assert b"not valid gzip" in body


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_is_cut_at_the_limit(layers: int) -> None:
    bomb = gzip.compress(b"0" * 300 * MOST)
    assert len(bomb) < MOST
    for _ in range(layers - 1):
        bomb = gzip.compress(bomb)
    status, _ = asyncio.run(_ask([bomb], ", ".join(["gzip"] * layers)))
    assert status == (413 if layers == 1 else 415)


def test_a_client_that_leaves_in_the_middle_is_gone() -> None:
    async def work() -> None:
        messages = [{"type": "http.request", "body": gzip.compress(b"x" * 99)[:5], "more_body": True}]

        async def receive() -> Any:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def app(scope: Any, receive: Any, send: Any) -> None:
            with pytest.raises(ClientDisconnect):
                await Request(scope, receive).body()

        async def send(message: Any) -> None:
            raise AssertionError(message)

        scope = {"type": "http", "path": "/", "headers": [(b"content-encoding", b"gzip")]}
        await CompressedBodies(app, refuse=refusal)(scope, receive, send)

    asyncio.run(work())


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    with TestClient(_app()) as client:
        answer = client.post("/", content=zlib.compress(b"{}"), headers={"Content-Encoding": encoding})
    assert answer.status_code == 415
    assert encoding in answer.json()["error"]["message"]
    assert answer.headers["Accept-Encoding"] == "gzip"


def test_the_devices_read_them(tmp_path: Any) -> None:
    body = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}]}
    app = make_app(tmp_path, Script().instance_maker())
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for path in ("/v1/chat/completions", "/api/chat"):
            packed = gzip.compress(json.dumps({**body, "stream": False}).encode())
            answer = client.post(path, content=packed, headers={"Content-Encoding": "gzip"})
            assert answer.status_code == 200, answer.text


def test_the_admin_server_reads_them(tmp_path: Any) -> None:
    site = make_site(tmp_path)
    with TestClient(site.app, base_url="http://127.0.0.1") as client:
        body = json.dumps({"device": "gpu", "enabled": "perhaps"}).encode()
        plain = client.post("/api/update_config", content=body)
        packed = client.post("/api/update_config", content=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        assert (packed.status_code, packed.text) == (plain.status_code, plain.text)
        assert client.post("/api/update_config", content=body, headers={"Content-Encoding": "br"}).status_code == 415

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from web.guard import render_error
from web.limits import MAX_COMMAS, MAX_HEADERS, MAX_URL_BYTES, SHORT_BODY_BYTES, Limits, RequestLimits


def make_client(limits: RequestLimits, now: list[float] | None = None) -> TestClient:
    async def length(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    app = Starlette(routes=[Route("/", length, methods=["GET", "POST"]), Route("/health", length)])
    clock = now or [0.0]
    limited = Limits(
        app,
        limits=limits,
        client_of=lambda scope: dict(scope["headers"]).get(b"x-client", b"a").decode(),
        refuse=render_error,
        clock=lambda: clock[0],
    )
    return TestClient(limited)


ROOMY = RequestLimits(body_bytes=1000, active_per_client=4)


def test_a_body_may_be_so_long_and_no_longer() -> None:
    client = make_client(ROOMY)
    assert client.post("/", content=b"x" * 1000).text == "1000"
    assert client.post("/", content=b"x" * 1001).status_code == 413
    assert client.post("/", content=(b"x" * 100 for _ in range(10))).text == "1000"
    assert client.post("/", content=(b"x" * 100 for _ in range(11))).status_code == 413


def test_where_no_long_body_is_due_a_short_one_is_the_most() -> None:
    async def length(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    app = Starlette(routes=[Route(path, length, methods=["POST"]) for path in ("/chat", "/change")])
    limits = RequestLimits(body_bytes=2 * SHORT_BODY_BYTES, active_per_client=4)
    limited = Limits(
        app, limits=limits, client_of=lambda _: "a", refuse=render_error, long_bodies=lambda path: path == "/chat"
    )
    client = TestClient(limited)
    most = b"x" * SHORT_BODY_BYTES
    for path, more, status in (("/chat", most, 200), ("/change", b"", 200), ("/change", b"x", 413)):
        assert client.post(path, content=most + more).status_code == status
        assert client.post(path, content=iter([most, more])).status_code == status


def test_a_body_may_have_so_many_values_and_no_more() -> None:
    client = make_client(RequestLimits(body_bytes=10_000_000, active_per_client=4))
    pieces = [b"{}," * 100_000] * (MAX_COMMAS // 100_000)
    assert client.post("/", content=b"".join(pieces)).status_code == 200
    for content in (b"".join(pieces) + b",", iter([*pieces, b","])):
        assert client.post("/", content=content).status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e9", "９", "9" * 1000])
def test_a_nonsense_length_is_no_way_round(length: str) -> None:
    response = make_client(ROOMY).post("/", content=b"x" * 1001, headers=[(b"content-length", length.encode())])
    assert response.status_code == 413


def test_addresses_and_headers_are_limited() -> None:
    client = make_client(ROOMY)
    assert client.get("/?" + "x" * MAX_URL_BYTES).status_code == 414
    assert client.get("/", headers={f"x-{number}": "" for number in range(MAX_HEADERS)}).status_code == 431
    assert client.get("/", headers={"x-long": "x" * 40_000}).status_code == 431


def test_a_client_has_so_many_requests_a_minute() -> None:
    now = [0.0]
    client = make_client(RequestLimits(1000, 4, per_minute=2), now)
    assert [client.get("/").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/", headers={"x-client": "b"}).status_code == 200
    assert client.get("/health").status_code == 200
    assert client.get("/").headers["retry-after"] == "31"
    now[0] += 31
    assert [client.get("/").status_code for _ in range(2)] == [200, 429]


async def test_a_client_has_so_many_requests_at_once() -> None:
    waiting, release = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/wait":
            waiting.set()
            await release.wait()
        await PlainTextResponse("done")(scope, receive, send)

    limits = RequestLimits(body_bytes=1000, active_per_client=1)
    limited = Limits(app, limits=limits, client_of=lambda scope: scope["query_string"].decode(), refuse=render_error)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(limited), base_url="http://x") as client:
        first = asyncio.create_task(client.get("/wait?a"))
        await waiting.wait()
        second = await client.get("/?a")
        assert (second.status_code, second.headers["retry-after"]) == (429, "1")
        assert (await client.get("/health?a")).status_code == 200
        assert (await client.get("/?b")).status_code == 200
        release.set()
        assert (await first).status_code == 200
        assert (await client.get("/?a")).status_code == 200

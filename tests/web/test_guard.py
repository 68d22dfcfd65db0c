from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from web.guard import Guard, page_origins

BASE = "http://127.0.0.1:11435"
CHANGING = ["POST", "PUT", "PATCH", "DELETE", "QUERY"]


def make_client(**options: Any) -> TestClient:
    async def echo(request: Request) -> Response:
        return JSONResponse({"method": request.method})

    async def page(request: Request) -> Response:
        return PlainTextResponse("page", headers={"Content-Security-Policy": "default-src 'self'"})

    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    routes = [
        Route("/echo", echo, methods=["GET", "OPTIONS", *CHANGING]),
        Route("/page", page),
        WebSocketRoute("/socket", chat),
    ]
    return TestClient(Guard(Starlette(routes=routes), **options), base_url=BASE)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with make_client(origins=[*page_origins(11437), "chrome-extension://*"]) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:11435",
        "127.0.0.1",
        "127.8.8.8:1",
        "localhost:11435",
        "LOCALHOST",
        "localhost.:11435",
        "app.localhost",
        "[::1]:11435",
        "[::1]",
        "host.docker.internal:11435",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_names_of_this_machine_are_served(client: TestClient, host: str, method: str) -> None:
    assert client.request(method, "/echo", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:11435",
        "127.0.0.1.evil.example",
        "localhost.evil.example:11435",
        "evil-localhost",
        "192.168.1.10:11435",
        "0.0.0.0:11435",
        "[2001:db8::1]:11435",
        "localhost@evil.example",
        "127.0.0.1:11435@evil.example",
        "evil.example#127.0.0.1",
        "localhost:port",
        "127.0.0.1/evil.example",
        "",
        " ",
        "::1",
    ],
)
@pytest.mark.parametrize("path", ["/echo", "/page", "/nowhere"])
def test_a_foreign_host_gets_an_empty_403(client: TestClient, host: str, path: str) -> None:
    response = client.get(path, headers={"Host": host})
    assert (response.status_code, response.content) == (403, b"")


def test_two_host_headers_are_refused(client: TestClient) -> None:
    headers = [("Host", "127.0.0.1:11435"), ("Host", "evil.example")]
    assert client.get("/echo", headers=headers).status_code == 403


def test_beyond_loopback_addresses_and_configured_names_are_served() -> None:
    with make_client(host="0.0.0.0", hosts=["Models.Example"]) as client:
        for host in ("192.168.1.10:11435", "[2001:db8::1]:11435", "models.example", "localhost"):
            assert client.get("/echo", headers={"Host": host}).status_code == 200
        assert client.get("/echo", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("method", CHANGING)
def test_a_program_without_browser_headers_is_served(client: TestClient, method: str) -> None:
    assert client.request(method, "/echo").json() == {"method": method}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": BASE},
        {"Origin": "http://LOCALHOST:11435", "Host": "localhost:11435"},
        {"Origin": "https://localhost:11435", "Host": "localhost:11435"},
        {"Origin": "http://[::1]:11435", "Host": "[::1]:11435"},
        {"Origin": "http://127.0.0.1:11437", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost:11437", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "chrome-extension://abcdefgh"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
@pytest.mark.parametrize("method", CHANGING)
def test_our_own_and_listed_pages_may_change_things(client: TestClient, method: str, headers: dict[str, str]) -> None:
    assert client.request(method, "/echo", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://127.0.0.1:114377"},
        {"Origin": "http://127.0.0.1:11437.evil.example"},
        {"Origin": "xhttp://127.0.0.1:11437"},
        {"Origin": "https://127.0.0.1:11437"},
        {"Origin": "moz-extension://abcdefgh"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", CHANGING)
def test_a_foreign_page_may_change_nothing(client: TestClient, method: str, headers: dict[str, str]) -> None:
    response = client.request(method, "/echo", headers=headers)
    assert response.status_code == 403
    assert "may not use this server" in response.json()["error"]["message"]
    assert "access-control-allow-origin" not in response.headers


def test_a_refusal_can_take_the_shape_of_the_api() -> None:
    def ollama_error(scope: Scope, status: int, message: str) -> Response:
        return JSONResponse({"error": message, "path": scope["path"]}, status)

    with make_client(error=ollama_error) as client:
        body = client.post("/echo", headers={"Origin": "https://evil.example"}).json()
        assert body["path"] == "/echo"
        assert "https://evil.example" in body["error"]


def test_a_foreign_page_may_not_read(client: TestClient) -> None:
    response = client.get("/echo", headers={"Origin": "https://evil.example"})
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


FRAMED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
FOLLOWED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", **FRAMED}, 403),
        ({"Sec-Fetch-Site": "cross-site", **FOLLOWED}, 200),
        ({"Sec-Fetch-Site": "none", **FOLLOWED}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "chrome-extension://abcdefgh"}, 200),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:11437"}, 200),
        ({}, 200),
    ],
)
def test_a_foreign_page_has_nothing_looked_up_but_by_a_link(
    client: TestClient, method: str, headers: dict[str, str], status: int
) -> None:
    assert client.request(method, "/echo", headers=headers).status_code == status


@pytest.mark.parametrize("origin", [*page_origins(11437), "chrome-extension://abcdefgh"])
def test_a_listed_page_may_read(client: TestClient, origin: str) -> None:
    response = client.get("/echo", headers={"Origin": origin})
    assert response.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in response.headers


def test_preflight_of_a_listed_page_is_answered(client: TestClient) -> None:
    response = client.options(
        "/echo",
        headers={
            "Origin": "http://127.0.0.1:11437",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,authorization",
        },
    )
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "http://127.0.0.1:11437"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "content-type,authorization"


def test_preflight_of_a_foreign_page_is_refused(client: TestClient) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = client.options("/echo", headers=headers)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("path", ["/echo", "/nowhere"])
@pytest.mark.parametrize("headers", [{}, {"Host": "evil.example"}])
def test_every_response_carries_the_security_headers(client: TestClient, path: str, headers: dict[str, str]) -> None:
    response = client.get(path, headers=headers)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]


def test_the_content_policy_is_the_given_one_and_a_page_may_set_its_own() -> None:
    with make_client(content_policy="default-src 'self'; frame-ancestors 'none'") as client:
        assert client.get("/echo").headers["content-security-policy"] == "default-src 'self'; frame-ancestors 'none'"
        assert client.get("/page").headers["content-security-policy"] == "default-src 'self'"


def test_sockets_of_foreign_pages_are_closed(client: TestClient) -> None:
    with client.websocket_connect("/socket", headers={"Origin": BASE, "Host": "127.0.0.1:11435"}) as socket:
        assert socket.receive_text() == "hello"
    for headers in ({"Origin": "https://evil.example", "Host": "127.0.0.1"}, {"Host": "evil.example"}):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/socket", headers=headers),
        ):
            pass


def test_a_page_from_the_internet_may_ask_for_this_network_where_it_is_listed(client: TestClient) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
    for origin, status in (
        ("http://localhost:11437", 200),
        ("chrome-extension://abc", 200),
        ("https://evil.example", 403),
    ):
        answer = client.options("/echo", headers={"Origin": origin, **asks})
        assert answer.status_code == status
        allowed = answer.headers.get("Access-Control-Allow-Private-Network")
        assert allowed == ("true" if status == 200 else None)
        unasked = client.options("/echo", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
        assert "Access-Control-Allow-Private-Network" not in unasked.headers
    refused = client.options(
        "/echo", headers={"Origin": "http://localhost:11437", **asks, "Access-Control-Request-Method": "BREW"}
    )
    assert refused.status_code == 400
    assert "Access-Control-Allow-Private-Network" not in refused.headers

"""No route of the devices is missing at the gateway, and its own door is as closed as theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from apis.access import PUBLIC, needed_scope
from gateway.app import GatewayContext, create_app
from gateway.routes import MERGED, OF_ONE_DEVICE, OWN, PASSED
from keys.key_store import KEYS_FILE, KeyStore
from tests.apis.conftest import make_app
from tests.gateway.conftest import configuration
from tests.routes import patterns_of, routes_of

GONE = "http://127.0.0.1:9"


@pytest.fixture
def app(tmp_path: Path) -> Starlette:
    """Without any device that answers."""
    place = GatewayContext(tmp_path, configuration(tmp_path).path, lambda name, port: GONE, internal_key="inside")
    (tmp_path / "gateway.json").write_text('{"wait_seconds": 0}', encoding="utf-8")
    return create_app(place)


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:11434", raise_server_exceptions=False) as client:
        yield client


def test_every_route_of_a_device_is_here_or_left_out_on_purpose(tmp_path: Path, app: Starlette) -> None:
    device = patterns_of(make_app(tmp_path / "device"))
    here = patterns_of(app)
    assert {route for route in device - here if route[1] not in OF_ONE_DEVICE} == set()
    assert {path for _, path in here} == {*MERGED, *OWN, *(passage.path for passage in PASSED)}
    assert not OF_ONE_DEVICE & {path for _, path in here}


def test_every_route_refuses_a_foreign_host(client: TestClient, app: Starlette) -> None:
    for method, path in routes_of(app):
        response = client.request(method, path, headers={"Host": "evil.example"})
        assert (response.status_code, response.content) == (403, b""), (method, path)


def test_every_change_from_a_foreign_page_is_refused(client: TestClient, app: Starlette) -> None:
    for method, path in routes_of(app):
        response = client.request(method, path, headers={"Origin": "https://evil.example"})
        if method not in ("GET", "HEAD"):
            assert response.status_code == 403, (method, path)
        assert "access-control-allow-origin" not in response.headers


def test_every_route_asks_for_a_key_once_there_is_one(client: TestClient, app: Starlette, tmp_path: Path) -> None:
    store = KeyStore(tmp_path / KEYS_FILE)
    store.create("admin", ["admin"])
    inference = store.create("program", ["inference"])[1]
    for method, path in routes_of(app):
        refused = client.request(method, path, headers={"Authorization": "Bearer wrong"})
        assert (refused.status_code == 401) == (path not in PUBLIC), (method, path)
        response = client.request(method, path, headers={"x-api-key": inference})
        assert (response.status_code == 403) == (needed_scope(method, path) == "admin"), (method, path)


def test_without_a_key_health_tells_nothing(client: TestClient, tmp_path: Path) -> None:
    assert "devices" in client.get("/health").json()
    KeyStore(tmp_path / KEYS_FILE).create("admin", ["admin"])
    assert client.get("/health").json() == {"status": "ok"}

"""A device server with keys: who is let in where."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from apis.access import PUBLIC, needed_scope
from keys.key_store import KEYS_FILE, KeyStore
from tests.apis.conftest import make_app
from tests.apis.servers import Script
from tests.helpers import wait_until
from tests.routes import routes_of

MANAGEMENT = {
    ("POST", "/api/pull"),
    ("POST", "/api/push"),
    ("POST", "/api/create"),
    ("POST", "/api/copy"),
    ("DELETE", "/api/delete"),
    ("POST", "/api/blobs/x"),
    ("HEAD", "/api/blobs/x"),
    ("POST", "/model/preload/x/1"),
    ("POST", "/model/cleanup"),
    ("GET", "/activity"),
    ("GET", "/live"),
}


@dataclass(frozen=True)
class Door:
    app: FastAPI
    client: TestClient
    store: KeyStore
    admin: str
    inference: str


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    data_dir = tmp_path_factory.mktemp("keys")
    app = make_app(data_dir, Script().instance_maker())
    store = KeyStore(data_dir / KEYS_FILE)
    admin, inference = store.create("admin", ["admin"])[1], store.create("program", ["inference"])[1]
    with TestClient(app, base_url="http://127.0.0.1:11435", raise_server_exceptions=False) as client:
        yield Door(app, client, store, admin, inference)


def test_every_route_refuses_without_a_key_but_the_public_ones(door: Door) -> None:
    for method, path in routes_of(door.app):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"x-api-key": "wrong"}, {"Cookie": "key=x"}):
            response = door.client.request(method, path, headers=headers)
            assert (response.status_code == 401) == (path not in PUBLIC), (method, path, response.status_code)


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/health/x",
        "/HEALTH",
        "//health",
        "/health/../v1/models",
        "/health;x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_what_is_no_route_is_refused_too(door: Door, method: str, path: str) -> None:
    assert door.client.request(method, path).status_code == 401


def test_a_use_is_remembered(door: Door) -> None:
    key, secret = door.store.create("used", ["inference"])
    assert key.last_used is None
    door.client.get("/v1/models", headers={"api-key": secret})

    def remembered() -> object:
        found = door.store.get(key.id)
        return found is not None and found.last_used

    wait_until(remembered)


def test_a_refusal_names_no_key_and_says_how(door: Door) -> None:
    response = door.client.get("/v1/models", headers={"Authorization": f"Bearer {door.admin[:-2]}"})
    assert response.json()["error"]["code"] == "invalid_api_key"
    assert response.headers["www-authenticate"] == "Bearer"
    assert door.admin[:-2] not in response.text


def test_inference_keys_may_do_all_but_manage(door: Door) -> None:
    refused = set()
    for method, path in routes_of(door.app):
        response = door.client.request(method, path, headers={"Authorization": f"Bearer {door.inference}"})
        if response.status_code == 403:
            refused.add((method, path))
    assert refused == MANAGEMENT


def test_every_route_that_changes_the_server_is_known() -> None:
    assert {route for route in MANAGEMENT if needed_scope(*route) == "admin"} == MANAGEMENT
    assert needed_scope("POST", "/model/preload/a\nb/1") == "admin"
    assert needed_scope("POST", "/api/blobs/a\nb") == "admin"


@pytest.mark.parametrize(
    "form", ["Authorization: Bearer {}", "authorization: bearer {}", "x-api-key: {}", "api-key: {}"]
)
def test_every_form_of_a_key_is_taken(door: Door, form: str) -> None:
    name, _, value = form.format(door.inference).partition(": ")
    assert door.client.get("/v1/models", headers={name: value}).status_code == 200
    assert door.client.get("/v1/models", headers={name: value + "x"}).status_code == 401


def test_a_wrong_key_beside_the_right_one_does_no_harm(door: Door) -> None:
    headers = {"Authorization": "Bearer placeholder", "x-api-key": door.inference}
    assert door.client.get("/v1/models", headers=headers).status_code == 200


def test_health_tells_a_stranger_nothing_more(door: Door) -> None:
    assert door.client.get("/health").json() == {"status": "ok"}
    assert "models" in door.client.get("/health", headers={"api-key": door.inference}).json()


def test_keys_come_and_go_while_the_server_runs(door: Door) -> None:
    key, secret = door.store.create("guest", ["inference"])
    assert door.client.get("/v1/models", headers={"api-key": secret}).status_code == 200
    door.store.revoke(key.id)
    assert door.client.get("/v1/models", headers={"api-key": secret}).status_code == 401


def test_a_key_in_the_address_is_no_key(door: Door) -> None:
    assert door.client.get("/v1/models", params={"api_key": door.admin, "key": door.admin}).status_code == 401


def test_each_api_words_the_refusal_its_own_way(door: Door) -> None:
    assert isinstance(door.client.post("/api/chat").json()["error"], str)
    assert door.client.post("/v1/messages").json()["error"]["type"] == "authentication_error"
    assert door.client.post("/v1/chat/completions").json()["error"]["code"] == "invalid_api_key"


def test_unreadable_keys_let_nobody_in(tmp_path: Path) -> None:
    app = make_app(tmp_path, Script().instance_maker())
    (tmp_path / KEYS_FILE).write_text("{", encoding="utf-8")
    with TestClient(app, base_url="http://127.0.0.1:11435") as client:
        assert client.get("/v1/models").status_code == 503
        assert client.get("/health").json() == {"status": "ok"}


def test_without_keys_any_key_is_as_good_as_none(tmp_path: Path) -> None:
    with TestClient(make_app(tmp_path, Script().instance_maker()), base_url="http://127.0.0.1:11435") as client:
        assert client.get("/v1/models", headers={"Authorization": "Bearer ollama"}).status_code == 200
        assert client.get("/v1/models").status_code == 200
        assert "models" in client.get("/health").json()

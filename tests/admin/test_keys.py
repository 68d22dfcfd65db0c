"""The admin server with keys: who is let in, how a browser logs in, and how keys are made."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from admin.login import PUBLIC
from admin_server import AdminSettings, create_app
from keys.key_store import KEYS_FILE, KeyStore
from keys.sessions import SESSION_COOKIE
from tests.admin.conftest import OpenPage
from tests.admin.site import LiveSite, Site
from tests.routes import routes_of

BASE = "http://127.0.0.1:11437"


@pytest.fixture
def store(site: Site) -> KeyStore:
    return KeyStore(site.data_dir / KEYS_FILE)


@pytest.fixture
def admin(store: KeyStore) -> str:
    return store.create("admin", ["admin"])[1]


@pytest.fixture
def browser_client(site: Site) -> Iterator[TestClient]:
    with TestClient(site.app, base_url=BASE, follow_redirects=False) as client:
        yield client


def log_in(client: TestClient, key: str, target: str = "/models") -> httpx.Response:
    return client.post("/login", data={"key": key, "next": target})  # pyright: ignore[reportReturnType]


def test_every_route_refuses_without_a_key_but_the_public_ones(
    site: Site, admin: str, browser_client: TestClient
) -> None:
    for method, path in routes_of(site.app):
        public = path in PUBLIC or path.startswith("/static/")
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": f"{SESSION_COOKIE}=wrong"}):
            response = browser_client.request(method, path, headers=headers)
            sent_to_login = response.status_code == 303 and response.headers["location"].startswith("/login")
            refused = response.status_code == 401 or sent_to_login
            assert refused == (not public) or (method, path) == ("POST", "/login"), (method, path)
            assert not sent_to_login or method in ("GET", "HEAD")


@pytest.mark.parametrize(
    "path",
    [
        *("/nowhere", "/docs", "/openapi.json", "/health/x", "/Login", "/login/x", "//login", "/static", "/metrics"),
        *("/login/../api/keys", "/preferences/x", "/Static/icon.svg"),
    ],
)
def test_what_is_no_route_is_refused_too(admin: str, browser_client: TestClient, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE"):
        assert browser_client.request(method, path).status_code in (401, 303), method


@pytest.mark.parametrize("path", ["/static/../api/keys", "/static/%2e%2e/api/keys", "/static/..%2f..%2fkeys.json"])
def test_the_public_files_are_no_way_in(admin: str, browser_client: TestClient, path: str) -> None:
    assert browser_client.get(path).status_code in (401, 303, 404)


def test_an_inference_key_manages_nothing(site: Site, admin: str, store: KeyStore, browser_client: TestClient) -> None:
    secret = store.create("program", ["inference"])[1]
    for method, path in routes_of(site.app):
        if path in PUBLIC or path.startswith("/static/"):
            continue
        response = browser_client.request(method, path, headers={"x-api-key": secret})
        assert response.status_code == 403, (method, path)
    assert log_in(browser_client, secret).status_code == 403


def test_a_browser_logs_in_and_out(admin: str, browser_client: TestClient) -> None:
    refused = browser_client.get("/models?a=1")
    assert refused.headers["location"] == "/login?next=/models%3Fa%3D1"
    assert admin not in log_in(browser_client, admin + "x").text
    assert browser_client.get("/").status_code == 303
    entered = log_in(browser_client, admin)
    assert (entered.status_code, entered.headers["location"]) == (303, "/models")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert admin not in cookie
    assert browser_client.get("/").status_code == 200
    assert "secure" not in cookie
    stolen = browser_client.cookies[SESSION_COOKIE]
    assert browser_client.post("/logout").status_code == 303
    assert browser_client.get("/", headers={"Cookie": f"{SESSION_COOKIE}={stolen}"}).status_code == 303


def test_over_tls_the_cookie_goes_over_tls_only(site: Site, admin: str) -> None:
    """By this server's own TLS or by a proxy's before it."""
    with TestClient(site.app, base_url="https://127.0.0.1:11437", follow_redirects=False) as client:
        cookie = log_in(client, admin).headers["set-cookie"].lower()
    assert {"secure", "httponly", "samesite=strict"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "models", ""])
def test_the_login_leads_nowhere_else(admin: str, browser_client: TestClient, target: str) -> None:
    assert log_in(browser_client, admin, target).headers["location"] == "/"


def test_a_foreign_page_cannot_use_the_session(admin: str, browser_client: TestClient) -> None:
    log_in(browser_client, admin)
    for headers in ({"Origin": "http://127.0.0.1:3000"}, {"Sec-Fetch-Site": "same-site"}):
        assert browser_client.post("/api/pull_model", json={"model_id": "a/b"}, headers=headers).status_code == 403


def test_a_session_ends_with_its_key(admin: str, store: KeyStore, browser_client: TestClient) -> None:
    secret = store.create("other", ["admin"])[1]
    log_in(browser_client, secret)
    assert browser_client.get("/").status_code == 200
    store.revoke("other")
    assert browser_client.get("/").status_code == 303


def test_the_first_key_closes_the_door_behind_its_maker(site: Site, browser_client: TestClient) -> None:
    assert browser_client.get("/api/keys").json() == {"keys": [], "required": False, "beyond_loopback": False}
    made = browser_client.post("/api/keys", json={"name": "mine", "scopes": ["admin"]})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    listed = browser_client.get("/api/keys").json()
    assert listed["required"] is True
    assert [(key["name"], key["own"], key["scopes"]) for key in listed["keys"]] == [("mine", True, ["admin"])]
    assert made.json()["secret"] not in browser_client.get("/api/keys").text
    browser_client.cookies.clear()
    assert browser_client.get("/api/keys").status_code == 401
    headers = {"Authorization": f"Bearer {made.json()['secret']}"}
    assert browser_client.get("/api/keys", headers=headers).status_code == 200


def test_keys_are_refused_with_reasons(browser_client: TestClient) -> None:
    assert browser_client.post("/api/keys", json={"name": "x", "scopes": ["inference"]}).status_code == 409
    assert browser_client.post("/api/keys", json={"name": "a\nb", "scopes": ["admin"]}).status_code == 422
    assert browser_client.post("/api/keys", json={"name": "x", "scopes": ["root"]}).status_code == 422
    assert browser_client.post("/api/keys", json={"name": "x", "scopes": ["admin"]}).status_code == 201
    taken = browser_client.post("/api/keys", json={"name": "x"})
    assert (taken.status_code, taken.json()["error"]["type"]) == (409, "key_name_taken")
    assert browser_client.delete("/api/keys/nobody").status_code == 404
    own = browser_client.get("/api/keys").json()["keys"][0]
    browser_client.post("/api/keys", json={"name": "y"})
    assert browser_client.delete(f"/api/keys/{own['id']}").status_code == 409


def test_beyond_loopback_a_key_is_needed_before_there_is_one(site: Site, tmp_path: Path) -> None:
    settings = AdminSettings(data_dir=tmp_path / "other", host="0.0.0.0")
    app = create_app(settings, suite=site.suite, registry=site.registry, store=site.store)
    with TestClient(app, base_url="http://192.168.1.10:11437", follow_redirects=False) as client:
        assert client.get("/api/keys").status_code == 401
        store = KeyStore(tmp_path / "other" / KEYS_FILE)
        headers = {"api-key": store.create("admin", ["admin"])[1]}
        assert client.get("/api/keys", headers=headers).json()["beyond_loopback"] is True
        assert client.delete(f"/api/keys/{store.all()[0].id}", headers=headers).status_code == 409


def test_a_person_logs_in(live: LiveSite, admin: str, open_page: OpenPage) -> None:
    page, manners = open_page(f"{live.url}/models", wait=False)
    manners.expect_errors("401")
    assert page.url.endswith("/login?next=/models")
    page.get_by_label("Key").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("Invalid key").wait_for()
    page.get_by_role("button", name="繁體中文").click()
    page.get_by_label("金鑰").fill(admin)
    page.get_by_role("button", name="登入").click()
    page.locator("#link[data-link=live]").wait_for()
    assert page.evaluate("document.cookie") in ("", "view=simple")  # the session is not for scripts

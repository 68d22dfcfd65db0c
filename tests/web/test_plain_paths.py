"""A slash too many at either end of an address, on all servers."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from keys.key_store import KEYS_FILE, KeyStore
from tests.admin.site import make_site
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, Script
from tests.gateway.conftest import open_town
from web.plain_paths import PlainPaths


@given(path=st.from_regex(r"(/[a-z0-9.%_-]+){0,4}", fullmatch=True), before=st.integers(1, 3), after=st.integers(0, 3))
def test_both_forms_of_the_path_are_mended(path: str, before: int, after: int) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    written = "/" * (before - 1) + (path or "/") + "/" * after
    scope = {"type": "http", "path": written, "raw_path": written.encode()}
    asyncio.run(PlainPaths(app)(scope, None, None))  # type: ignore[arg-type]
    assert seen[0]["path"] == (path or "/")
    assert seen[0]["raw_path"] == (path or "/").encode()


@pytest.mark.parametrize("path", ["/v1/chat/completions/", "//v1/chat/completions", "/api/chat/", "/v1/messages//"])
def test_a_post_is_answered_and_not_sent_elsewhere(tmp_path: Path, path: str) -> None:
    body = {"model": CHAT, "max_tokens": 5, "stream": False, "messages": [{"role": "user", "content": "hi"}]}
    with TestClient(make_app(tmp_path, Script().instance_maker()), base_url="http://127.0.0.1") as client:
        assert client.post(f"http://127.0.0.1{path}", json=body, follow_redirects=False).status_code == 200
        unknown = client.post("/v1/nothing/", json=body, follow_redirects=False)
        assert unknown.status_code == 404


def test_the_gateway_passes_them_on(tmp_path: Path) -> None:
    with open_town(tmp_path) as town:
        body = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}]}
        for path in ("//v1/chat/completions", "/v1/chat/completions/"):
            assert town.client.post(f"{town.url}{path}", json=body).status_code == 200
        assert town.client.get(f"{town.url}/v1/models/").status_code == 200


def test_the_page_is_found_too(tmp_path: Path) -> None:
    with TestClient(make_site(tmp_path).app, base_url="http://127.0.0.1") as client:
        for path in ("/health/", "/api/config/", "/"):
            assert client.get(path, follow_redirects=False).status_code == 200
        for path in ("/static/", "/static"):
            assert client.get(path, follow_redirects=False).status_code == 404


def test_a_device_asks_for_the_admin_key_whatever_the_slashes(tmp_path: Path) -> None:
    app = make_app(tmp_path, Script().instance_maker())
    store = KeyStore(tmp_path / KEYS_FILE)
    store.create("owner", ["admin"])
    key = store.create("app", ["inference"])[1]
    with TestClient(app, base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {key}"}) as client:
        for path in ("/activity", "/activity/", "//activity", "//activity//"):
            assert client.get(f"http://127.0.0.1{path}").status_code == 403

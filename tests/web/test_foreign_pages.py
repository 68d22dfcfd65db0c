"""A page of somebody else, in a real browser, against both ports; and rebinding, on every route."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page
from starlette.testclient import TestClient

from tests.admin.site import LiveSite, make_site
from tests.apis.conftest import make_app
from tests.apis.servers import Script, serving
from tests.helpers import PATIENCE
from tests.routes import routes_of

ATTEMPT = """async ([url, method, body, type]) => {
  const send = async (mode) => {
    try {
      const answer = await fetch(url, {method, mode, credentials: "include",
        body: body ?? undefined, headers: body ? {"Content-Type": type} : {}});
      return answer.type === "opaque" ? "opaque" : `read ${answer.status} ${(await answer.text()).slice(0, 50)}`;
    } catch (error) { return "blocked"; }
  };
  return [await send("cors"), await send("no-cors")];
}"""
FORM = """([url, body]) => {
  const frame = document.createElement("iframe");
  frame.name = "target";
  const form = document.createElement("form");
  Object.assign(form, {method: "post", action: url, target: "target", enctype: "text/plain"});
  form.append(Object.assign(document.createElement("input"), {name: body.slice(0, -1), value: body.slice(-1)}));
  document.body.append(frame, form);
  form.submit();
}"""


def submit(page: Page, url: str, body: str) -> None:
    """A form needs no permission to be sent; what comes back is not shown."""
    with page.expect_response(url) as response:
        page.evaluate(FORM, [url, body])
    assert response.value.status == 403
    page.reload()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_foreign_page_neither_reads_nor_changes_the_admin(
    browser: Browser, evil: str, host: str, tmp_path: Path
) -> None:
    with LiveSite(make_site(tmp_path / "data")) as live:
        before = live.site.store.path.read_bytes()
        url = f"http://{host}:{live.port}"
        page = browser.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(evil)
        change = '{"device": "gpu", "enabled": false}'
        for path in ("/", "/api/status", "/api/config", "/api/keys", "/metrics", "/health"):
            assert page.evaluate(ATTEMPT, [url + path, "GET", None, ""])[0] == "blocked", path
        for kind in ("application/json", "text/plain"):
            page.evaluate(ATTEMPT, [f"{url}/api/update_config", "POST", change, kind])
            page.evaluate(ATTEMPT, [f"{url}/api/keys", "POST", '{"name": "x", "scopes": ["admin"]}', kind])
        submit(page, f"{url}/api/update_config", change)
        submit(page, f"{url}/api/keys", '{"name": "x", "scopes": ["admin"]}')
        page.evaluate(ATTEMPT, [f"{url}/api/update_config", "DELETE", None, ""])
        page.close()
        assert live.site.store.path.read_bytes() == before
        assert httpx.get(f"{live.url}/api/keys", trust_env=False).json()["keys"] == []


def test_a_foreign_page_neither_reads_nor_asks_a_device(browser: Browser, evil: str, tmp_path: Path) -> None:
    script = Script()
    with serving(make_app(tmp_path, script.instance_maker())) as url:
        page = browser.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(evil)
        body = '{"model": "test/chat", "messages": [{"role": "user", "content": "hi"}]}'
        for path in ("/v1/models", "/api/tags", "/health", "/memory"):
            assert page.evaluate(ATTEMPT, [url + path, "GET", None, ""])[0] == "blocked", path
        for path in ("/v1/chat/completions", "/api/chat"):
            for kind in ("application/json", "text/plain"):
                assert page.evaluate(ATTEMPT, [url + path, "POST", body, kind])[0] == "blocked", path
            submit(page, url + path, body)
        page.close()
        assert script.prompts == []


BESIDE_THE_ROUTES = [
    *(
        ("GET", path)
        for path in ("/nowhere", "/docs", "/redoc", "/openapi.json", "/static/", "/static/icon.svg", "//", "/v1/")
    ),
    *((method, "/") for method in ("HEAD", "OPTIONS", "TRACE", "PUT", "PROPFIND", "CONNECT")),
]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:11435", "127.0.0.1.evil.example", "192.168.1.10:11435"])
def test_rebinding_gets_403_on_every_route(tmp_path: Path, host: str) -> None:
    for app in (make_app(tmp_path / "device", Script().instance_maker()), make_site(tmp_path / "admin").app):
        with TestClient(app, base_url="http://127.0.0.1") as client:
            routes = routes_of(app)
            looks = [(method, path) for _, path in routes for method in ("GET", "HEAD", "OPTIONS")]
            for method, path in {*routes, *looks, *BESIDE_THE_ROUTES}:
                response = client.request(method, path, headers={"Host": host})
                assert (response.status_code, response.content) == (403, b""), (method, path)


def test_what_a_foreign_page_sends_is_in_no_list(tmp_path: Path) -> None:
    """Or it could push what really was asked out of it."""
    with TestClient(make_app(tmp_path, Script().instance_maker()), base_url="http://127.0.0.1") as client:
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert client.post("/v1/chat/completions", json={"model": "x"}, headers=headers).status_code == 403
        assert client.get("/activity").json()["ended"] == []

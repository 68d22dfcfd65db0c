"""Pages, extensions and apps that the owner has listed in `allowed_origins`, and those that are not, in a browser."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from starlette.testclient import TestClient

from configuration.server_config import ServerConfig
from keys.key_store import KEYS_FILE, KeyStore
from tests.admin.browser import ARGUMENTS, installed_browser
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, Script, serving
from tests.web.conftest import foreign_site

ASK = """async ([url, key, stream]) => {
  const headers = {"Content-Type": "application/json", ...(key ? {Authorization: `Bearer ${key}`} : {})};
  const body = {model: "test/chat", messages: [{role: "user", content: "hi"}], stream};
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, {method: "POST", headers, body: JSON.stringify(body)});
    return [answer.status, await answer.text(), answer.headers.get("x-request-id")];
  } catch (error) { return ["blocked"]; }
}"""
LOOK = """(url) => fetch(`${url}/v1/models`).then((answer) => answer.status, () => "blocked")"""


@dataclass(frozen=True)
class Listed:
    """A device server with keys, and the page that may call it."""

    url: str
    origin: str
    key: str
    script: Script


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listed]:
    data_dir = tmp_path_factory.mktemp("device")
    script = Script()
    with foreign_site() as origin:
        config = ServerConfig(allowed_origins=[origin, "chrome-extension://*"])
        app = make_app(data_dir, script.instance_maker(), server_config=config)
        key = KeyStore(data_dir / KEYS_FILE).create("page", ["admin", "inference"])[1]
        with serving(app) as url:
            yield Listed(url, origin, key, script)


@contextmanager
def extension(browser: Browser, directory: Path, *, permissions: list[str]) -> Iterator[Page]:
    """A page of a browser extension that was loaded from a folder."""
    source = directory / "extension"
    source.mkdir()
    manifest = {"manifest_version": 3, "name": "chat", "version": "1", "host_permissions": permissions}
    (source / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (source / "page.html").write_text("<!doctype html><title>chat</title>", encoding="utf-8")
    digest = hashlib.sha256(str(source).encode("utf-8")).hexdigest()[:32]
    id = digest.translate(str.maketrans("0123456789abcdef", "abcdefghijklmnop"))  # how Chromium names it
    context = browser.browser_type.launch_persistent_context(
        directory / "profile",
        **installed_browser(),
        args=[*ARGUMENTS, f"--load-extension={source}", f"--disable-extensions-except={source}"],
        ignore_default_args=["--disable-extensions"],
    )
    page = context.new_page()
    page.goto(f"chrome-extension://{id}/page.html")
    yield page
    context.close()


def answers(page: Page, listed: Listed) -> None:
    for stream in (False, True):
        status, text, request_id = page.evaluate(ASK, [listed.url, listed.key, stream])
        assert (status, ("[DONE]" if stream else "Hello.") in text) == (200, True)
        assert request_id
    status, text, _ = page.evaluate(ASK, [listed.url, "ovk-wrong", False])
    assert status == 401  # and the page can read why
    assert "not valid" in text
    assert page.evaluate(LOOK, listed.url) == 401


def test_a_listed_page_asks_and_reads(browser: Browser, listed: Listed) -> None:
    page = browser.new_page()
    page.goto(listed.origin)
    answers(page, listed)
    page.close()


def test_one_that_is_not_listed_does_not(browser: Browser, evil: str, listed: Listed) -> None:
    page = browser.new_page()
    page.goto(evil)
    before = len(listed.script.prompts)
    assert page.evaluate(ASK, [listed.url, listed.key, False]) == ["blocked"]
    assert page.evaluate(LOOK, listed.url) == "blocked"
    assert len(listed.script.prompts) == before
    page.close()


@pytest.mark.parametrize("permissions", [[], ["http://127.0.0.1/*"]])
def test_a_listed_extension_asks_and_reads(
    browser: Browser, listed: Listed, tmp_path: Path, permissions: list[str]
) -> None:
    with extension(browser, tmp_path, permissions=permissions) as page:
        answers(page, listed)


def test_an_extension_that_is_not_listed_does_not(browser: Browser, tmp_path: Path) -> None:
    script = Script()
    with (
        serving(make_app(tmp_path / "device", script.instance_maker())) as url,
        extension(browser, tmp_path, permissions=[]) as page,
    ):
        assert page.evaluate(ASK, [url, None, False]) == ["blocked"]
        assert page.evaluate(LOOK, url) == "blocked"
        assert script.prompts == []


@pytest.mark.parametrize(
    ("listing", "origin"),
    [
        ("app://obsidian.md", "app://obsidian.md"),
        ("tauri://localhost", "tauri://localhost"),
        ("moz-extension://*", "moz-extension://0b6c8d6e-3c1e-4b6e-9d2f-000000000000"),
        ("vscode-webview://*", "vscode-webview://0abc"),
        ("https://chat.example.org:8443", "https://chat.example.org:8443"),
        ("http://*", "http://192.168.1.10:3000"),
    ],
)
def test_schemes_of_apps_can_be_listed(tmp_path: Path, listing: str, origin: str) -> None:
    app = make_app(tmp_path, Script().instance_maker(), server_config=ServerConfig(allowed_origins=[listing]))
    with TestClient(app, base_url="http://127.0.0.1:11435") as client:
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        fetched = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
        body = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}]}
        for sent, allowed in ((origin, True), (origin + ".evil.example", listing.endswith("*")), ("null", False)):
            headers = {"Origin": sent, **fetched}
            preflight = client.options("/v1/chat/completions", headers=headers | asked)
            answer = client.post("/v1/chat/completions", headers=headers, json=body)
            look = client.get("/v1/models", headers=headers)
            for response in (preflight, answer, look):
                assert response.status_code == (200 if allowed else 403), response.text
                assert response.headers.get("access-control-allow-origin") == (sent if allowed else None)

"""What a foreign page can load or open besides `fetch`: pictures, scripts, frames, streams, sockets, windows."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.admin.site import LiveSite, make_site
from tests.apis.conftest import make_app
from tests.apis.servers import Script, serving
from tests.helpers import PATIENCE, wait_until

LOAD = """([tag, attribute, url]) => new Promise((resolve) => {
  const element = document.createElement(tag);
  if (tag === "link") element.rel = "stylesheet";
  element.onload = () => resolve("loaded");
  element.onerror = () => resolve("blocked");
  element[attribute] = url;
  document.body.append(element);
})"""
STREAM = """(url) => new Promise((resolve) => {
  const stream = new EventSource(url);
  stream.onopen = () => { stream.close(); resolve("open"); };
  stream.onerror = () => { stream.close(); resolve("blocked"); };
})"""
SOCKET = """(url) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  socket.onopen = () => resolve("open");
  socket.onerror = () => resolve("blocked");
})"""
LOOK = """([url, mode]) => fetch(url, {mode, credentials: "include"}).then(() => "seen", () => "blocked")"""
WINDOW = """(url) => { window.opened = window.open(url); }"""


class Tap:
    """ASGI middleware that notes what each path was answered; a browser hides that from a page that may not see it."""

    def __init__(self, app: ASGIApp, statuses: dict[str, set[int]]) -> None:
        self._app = app
        self._statuses = statuses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = scope["path"]
                self._statuses[path] = {*self._statuses.get(path, ()), message["status"]}  # no path without its status
            await send(message)

        await self._app(scope, receive, noted)


@dataclass(frozen=True)
class Tapped:
    url: str
    statuses: dict[str, set[int]] = field(default_factory=dict)

    def refused(self, path: str) -> bool:
        """Whether the path was asked for, and never answered but by a 403."""
        return self.statuses.pop(path.partition("?")[0], set()) == {403}


@pytest.fixture(scope="module", params=["127.0.0.1", "localhost"])
def admin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tapped]:
    """The page: of another site than the evil page, and of the same one."""
    site = make_site(tmp_path_factory.mktemp("site") / "data")
    statuses: dict[str, set[int]] = {}
    site.app.add_middleware(Tap, statuses=statuses)
    with LiveSite(site) as live:
        yield Tapped(f"http://{request.param}:{live.port}", statuses)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tapped]:
    app = make_app(tmp_path_factory.mktemp("device"), Script().instance_maker())
    statuses: dict[str, set[int]] = {}
    app.add_middleware(Tap, statuses=statuses)
    with serving(app) as url:
        yield Tapped(url, statuses)


@pytest.fixture
def page(browser: Browser, evil: str) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(evil)
    yield page
    page.context.close()


@pytest.mark.parametrize(
    ("tag", "attribute", "path"),
    [
        ("img", "src", "/static/icon.svg"),
        ("script", "src", "/static/js/parts.js"),
        ("script", "src", "/api/status"),
        ("link", "href", "/static/css/base.css"),
    ],
)
def test_nothing_of_the_admin_can_be_embedded(page: Page, admin: Tapped, tag: str, attribute: str, path: str) -> None:
    assert page.evaluate(LOAD, [tag, attribute, admin.url + path]) == "blocked"
    assert admin.refused(path)


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/health"])
def test_nothing_of_a_device_can_be_embedded(page: Page, device: Tapped, path: str) -> None:
    for tag, attribute in (("img", "src"), ("script", "src"), ("link", "href")):
        assert page.evaluate(LOAD, [tag, attribute, device.url + path]) == "blocked"
        assert device.refused(path)


@pytest.mark.parametrize(
    "path", ["/api/available_models?refresh=true", "/get/search?text=x", "/doctor", "/api/search_models?query=x"]
)
def test_no_look_has_anything_done(page: Page, admin: Tapped, path: str) -> None:
    """These ask the hub, or begin an examination."""
    for mode in ("cors", "no-cors"):
        assert page.evaluate(LOOK, [admin.url + path, mode]) == "blocked"
        assert admin.refused(path)


def test_no_stream_and_no_socket_opens(page: Page, admin: Tapped, device: Tapped) -> None:
    for server, path in ((admin, "/api/events"), (device, "/live")):
        assert page.evaluate(STREAM, server.url + path) == "blocked"
        assert server.refused(path)
        assert page.evaluate(SOCKET, server.url.replace("http:", "ws:") + path) == "blocked"
        assert server.refused(path)  # a look like any other, were it answered


@pytest.mark.parametrize(("tag", "attribute"), [("iframe", "src"), ("object", "data")])
def test_no_page_can_be_framed(page: Page, admin: Tapped, device: Tapped, tag: str, attribute: str) -> None:
    for server, path in ((admin, "/"), (admin, "/login"), (device, "/health")):
        page.evaluate(f"(what) => {{ ({LOAD})(what); }}", [tag, attribute, server.url + path])
        wait_until(lambda server=server, path=path: path in server.statuses)
        assert server.refused(path)


def test_an_opened_window_is_out_of_reach(page: Page, admin: Tapped) -> None:
    """A person may follow a link to the page; who made the link keeps no hold on it."""
    with page.expect_popup() as popup:
        page.evaluate(WINDOW, f"{admin.url}/models")
    popup.value.wait_for_url(f"{admin.url}/models")
    popup.value.locator("h1").wait_for()
    page.wait_for_function("window.opened.closed")
    assert popup.value.evaluate("window.opener") is None

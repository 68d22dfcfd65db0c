from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from playwright.sync_api import Browser, Page

from tests.admin.browser import Manners, chromium
from tests.admin.site import LiveSite, Site, make_site
from tests.model_files.tiny_models import make_llm

PHI = "OpenVINO/Phi-3-medium-4k-instruct-int4-ov"
QWEN = "OpenVINO/Qwen3-8B-int4-cw-ov"

OpenPage = Callable[..., tuple[Page, Manners]]


class CompiledTemplates(BytecodeCache):
    """Templates are compiled once for all the apps that tests make."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def compiled_templates() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("admin.rendering.Environment", partial(Environment, bytecode_cache=CompiledTemplates()))
        yield


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model directory to copy from."""
    return make_llm(tmp_path_factory.mktemp("published") / "model", rt_info={"mode": "int4_sym", "group_size": "128"})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site without models in a folder whose name has Chinese characters and a blank."""
    yield make_site(tmp_path / "資料 夾")
    shutil.rmtree(tmp_path / "資料 夾", ignore_errors=True)


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """The app of `site`, started, without a port of its own."""
    transport = httpx.ASGITransport(app=site.app)
    async with (
        site.app.router.lifespan_context(site.app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        yield client


@pytest.fixture
def live(site: Site) -> Iterator[LiveSite]:
    with LiveSite(site) as live:
        yield live


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open a page in a browser of its own, in English and the simple view unless told otherwise; its manners are
    checked at the end."""
    opened: list[tuple[Page, Manners]] = []

    def open_page(
        url: str, *, language: str = "en", width: int = 1280, wait: bool = True, view: str = "simple"
    ) -> tuple[Page, Manners]:
        context = browser.new_context(viewport={"width": width, "height": 900}, locale=language)
        context.add_cookies([{"name": "view", "value": view, "url": url}])
        page = context.new_page()
        page.set_default_timeout(30_000)
        opened.append((page, Manners(page)))
        page.goto(url)
        if wait:
            page.locator("#link[data-link=live]").wait_for()
        return opened[-1]

    yield open_page
    for page, _ in opened:
        page.context.close()
    for _, manners in opened:
        manners.check()

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.admin.site import LiveSite, Site, make_site
from tests.registry.tiny_models import make_llm

PHI = "OpenVINO/Phi-3-medium-4k-instruct-int4-ov"
QWEN = "OpenVINO/Qwen3-8B-int4-cw-ov"


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

"""What goes wrong is shown as what it is, and the page recovers without being loaded again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Page, expect

from model_registry import HubSettings
from tests.admin.conftest import PHI, QWEN, OpenPage
from tests.admin.proxy import CuttableRelay
from tests.admin.site import LiveSite, add_model, make_site
from tests.hub import TestHub


class Disk:
    """Bytes that are free, as the registry is told."""

    def __init__(self) -> None:
        self.free = 10**12

    def __call__(self, _: Path) -> int:
        return self.free


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def hub(published: Path) -> Iterator[TestHub]:
    with TestHub() as hub:
        hub.add_model(QWEN, published)
        yield hub


@pytest.fixture
def live(tmp_path: Path, hub: TestHub, disk: Disk) -> Iterator[LiveSite]:
    with LiveSite(make_site(tmp_path / "資料 夾", hub=HubSettings(hub.url), free=disk)) as live:
        yield live


def _never_reloaded(page: Page) -> None:
    page.evaluate("window.sameDocument = true")


def _check_not_reloaded(page: Page) -> None:
    assert page.evaluate("window.sameDocument") is True


@pytest.mark.parametrize(("language", "full"), [("zh-TW", "請先騰出磁碟空間"), ("en", "make room on the disk")])
def test_a_full_disk(live: LiveSite, disk: Disk, open_page: OpenPage, language: str, full: str) -> None:
    disk.free = 1000
    page, _ = open_page(live.url + "/get", language=language)
    _never_reloaded(page)
    page.locator("#model-id").fill(QWEN)
    page.locator("#model-id").press("Enter")
    expect(page.locator(".job")).to_have_attribute("data-state", "failed")
    expect(page.locator(".job .form-error")).to_contain_text(full)
    disk.free = 10**12
    page.locator(".job [hx-post$=resume]").click()
    expect(page.locator(".job")).to_have_attribute("data-state", "ready")
    _check_not_reloaded(page)


@pytest.mark.parametrize(("language", "words"), [("zh-TW", "不能讀取"), ("en", "refuses access")])
def test_a_failed_pull(live: LiveSite, hub: TestHub, open_page: OpenPage, language: str, words: str) -> None:
    hub.faults.answer("openvino_model.bin", [403])
    page, _ = open_page(live.url + "/get", language=language)
    _never_reloaded(page)
    page.locator("#model-id").fill(QWEN)
    page.locator("#model-id").press("Enter")
    expect(page.locator(".job")).to_have_attribute("data-state", "failed")
    expect(page.locator(".job .form-error")).to_contain_text(words)
    page.locator(".job [hx-post$=resume]").click()
    expect(page.locator(".job")).to_have_attribute("data-state", "ready")
    _check_not_reloaded(page)


@pytest.mark.parametrize(("language", "again"), [("zh-TW", "已自動重啟 1 次"), ("en", "restarted 1 time")])
def test_a_killed_device_server(
    live: LiveSite, published: Path, open_page: OpenPage, language: str, again: str
) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url, language=language)
    _never_reloaded(page)
    card = page.locator("#device-gpu")
    expect(card.locator(".state")).to_have_attribute("data-stage", "running")
    # It cannot come up again until the test says so.
    live.site.order("gpu", refuse_to_start="the driver is gone")
    pid = live.site.suite.status("gpu").pid
    assert pid is not None
    psutil.Process(pid).kill()
    expect(card.locator(".state")).to_have_attribute("data-stage", "failed")
    expect(card.locator(".failure")).to_contain_text("the driver is gone")
    expect(page.locator("#unit-gpu .dot")).to_have_attribute("data-stage", "failed")
    live.site.order("gpu")
    card.locator(".apply").click()
    expect(card.locator(".state")).to_have_attribute("data-stage", "running")
    expect(card).to_contain_text(again)
    _check_not_reloaded(page)


@pytest.mark.parametrize(("language", "lost"), [("zh-TW", "連線中斷"), ("en", "Connection lost")])
def test_a_cut_event_stream(live: LiveSite, published: Path, open_page: OpenPage, language: str, lost: str) -> None:
    with CuttableRelay(live.port) as relay:
        page, manners = open_page(relay.url, language=language)
        manners.expect_errors("ERR_", "htmx:sseError")
        _never_reloaded(page)
        relay.closed = True
        relay.cut()
        expect(page.locator("#link")).to_contain_text(lost)
        add_model(live.site, PHI, published)
        relay.closed = False
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
        expect(page.locator("#device-gpu").get_by_role("checkbox", name="Phi-3-medium")).to_be_visible()
        _check_not_reloaded(page)

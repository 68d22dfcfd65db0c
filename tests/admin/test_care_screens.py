"""The doctor's screen, compile caches, the way to the hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from doctor.examination import Report
from doctor.findings import Finding
from model_registry import HubSettings
from tests.admin.conftest import OpenPage
from tests.admin.site import LiveSite, make_site
from tests.hub import TestHub


@pytest.fixture
def hub() -> Iterator[TestHub]:
    with TestHub() as hub:
        yield hub


@pytest.fixture
def live(tmp_path: Path, hub: TestHub) -> Iterator[LiveSite]:
    with LiveSite(make_site(tmp_path / "資料 夾", hub=HubSettings(hub.url))) as live:
        yield live


@pytest.mark.parametrize(
    ("language", "level", "denied", "well"),
    [
        ("zh-TW", "有問題需要處理", "沒有權限使用 GPU", "一切正常"),
        ("en", "Problems found", "No access to the GPU", "Everything works"),
    ],
)
def test_findings_and_their_advice(
    live: LiveSite, open_page: OpenPage, language: str, level: str, denied: str, well: str
) -> None:
    page, _ = open_page(live.url + "/doctor", language=language)
    expect(page.locator(".check .state")).to_have_text(level)
    first = page.locator(".finding").first
    expect(first).to_have_attribute("data-level", "problem")
    expect(first).to_contain_text(denied)
    expect(first.locator("code")).to_have_text("sudo usermod -aG render me")
    # Another examination shows without a reload.
    finding = Finding("hub_ok", "ok", "network", {"endpoint": "x"})
    live.site.app.state.doctor.latest = Report("2026-01-01T13:00:00+00:00", (finding,))
    expect(page.locator(".check .state")).to_have_text(well)
    expect(page.locator(".finding")).to_have_count(1)


def test_an_examination_is_begun_and_seen(live: LiveSite, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    monkeypatch.setattr(live.site.app.state.doctor, "begin", lambda: begun.append(True))
    page, _ = open_page(live.url + "/doctor")
    with page.expect_response("**/api/doctor"):
        page.get_by_role("button", name="Check again").click()
    assert begun


def test_a_cache_is_cleared_after_a_question(live: LiveSite, open_page: OpenPage) -> None:
    blob = live.site.data_dir / "cache_gpu" / "model.blob"
    blob.parent.mkdir()
    blob.write_bytes(b"x" * 5000)
    page, _ = open_page(live.url + "/settings")
    page.get_by_role("button", name="Clear compile cache of GPU").click()
    page.get_by_role("dialog").get_by_role("button", name="Clear").click()
    expect(page.locator(".job", has_text="GPU")).to_contain_text("0 Bytes")
    assert not blob.exists()


def test_the_hub_is_asked_whether_it_is_there(live: LiveSite, hub: TestHub, open_page: OpenPage) -> None:
    page, _ = open_page(live.url + "/settings")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator(".toast")).to_contain_text(hub.url)

"""Converting in a real Chromium, from the tests' hub, through the stand-in exporter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from conversion.conversions import Conversions
from model_registry import HubSettings
from tests.admin.conftest import OpenPage
from tests.admin.site import LiveSite, make_site
from tests.conversion.conftest import ID, MODEL
from tests.conversion.sources import make_source
from tests.conversion.stand_in import StandInConverter
from tests.helpers import wait_until
from tests.hub import TestHub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TestHub]:
    with TestHub() as hub:
        hub.add_model(ID, make_source(tmp_path / "published"))
        yield hub


@pytest.fixture
def converter(tmp_path: Path) -> StandInConverter:
    (tmp_path / "資料 夾").mkdir()
    return StandInConverter(tmp_path / "資料 夾", MODEL)


@pytest.fixture
def live(hub: TestHub, converter: StandInConverter) -> Iterator[LiveSite]:
    site = make_site(
        converter.folder.parent,
        hub=HubSettings(hub.url),
        conversions=lambda registry: Conversions(registry, converter, retry_wait=0.01),
    )
    with LiveSite(site) as live:
        yield live


def test_from_a_failed_pull_to_a_converted_model(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(live.url + "/get")
    page.get_by_label("Hugging Face model ID").fill(ID)
    page.get_by_role("button", name="Pull", exact=True).click()
    pull = page.locator("#jobs .job")
    expect(pull.locator(".state")).to_have_text("Failed")
    expect(pull).to_contain_text(f"main.py convert {ID}")
    pull.get_by_role("button", name="Convert").click()
    panel = page.locator("#convert")
    expect(panel.get_by_label("Model ID or folder")).to_have_value(ID)
    expect(panel).to_contain_text("The first conversion installs the converter")
    panel.get_by_label("Convert for").select_option("cpu")
    panel.get_by_label("Weights").select_option("int8")
    panel.get_by_role("button", name="Convert", exact=True).click()
    job = panel.locator(".job")
    expect(job.locator(".state")).to_have_text("Done")
    expect(job).to_contain_text(f"{ID}-int8-ov")
    expect(job).to_contain_text("Licence: apache-2.0")
    (model,) = live.site.registry.local_models()
    assert (model.id, model.complete) == (f"{ID}-int8-ov", True)
    page.get_by_role("button", name="Remove converter").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove converter").click()
    expect(panel).to_contain_text("The first conversion installs the converter")


def test_progress_log_pause_and_cancel(live: LiveSite, converter: StandInConverter, open_page: OpenPage) -> None:
    converter.order(hold=True)
    page, _ = open_page(live.url + "/get", language="zh-TW")
    panel = page.locator("#convert")
    panel.locator("summary").first.click()
    panel.get_by_label("模型 ID 或資料夾").fill(ID)
    panel.get_by_role("button", name="轉換", exact=True).click()
    wait_until((converter.folder.parent / "held").exists)
    job = panel.locator(".job")
    expect(job.locator(".state")).to_have_text("轉換中")
    expect(job.locator(".numbers")).to_contain_text("匯出")
    job.get_by_text("記錄", exact=True).click()
    expect(job.locator("pre")).to_contain_text("This exports nothing")
    job.get_by_role("button", name="暫停").click()
    expect(job.locator(".state")).to_have_text("已暫停")
    job.get_by_role("button", name="取消轉換").click()
    page.get_by_role("dialog").get_by_role("button", name="取消轉換").click()
    expect(job.locator(".state")).to_have_text("已取消")
    job.get_by_role("button", name="從清單移除").click()
    expect(job).to_have_count(0)
    assert live.site.registry.local_models() == []

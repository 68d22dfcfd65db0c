"""Getting models in a real Chromium, from the tests' hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from model_registry import HubSettings
from tests.admin.browser import follow
from tests.admin.conftest import QWEN, OpenPage
from tests.admin.site import LiveSite, make_site
from tests.hub import TestHub


@pytest.fixture
def hub(published: Path) -> Iterator[TestHub]:
    with TestHub() as hub:
        hub.add_model(QWEN, published)
        hub.add_collection("LLMs optimized for NPU", [QWEN])
        yield hub


@pytest.fixture
def live(tmp_path: Path, hub: TestHub) -> Iterator[LiveSite]:
    with LiveSite(make_site(tmp_path / "資料 夾", hub=HubSettings(hub.url))) as live:
        yield live


def test_from_the_list_to_a_device(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(live.url + "/get")
    expect(page.get_by_text("From Hugging Face,")).to_be_visible()
    page.get_by_role("region", name="OpenVINO collections").get_by_role("button", name=f"Pull {QWEN}").click()
    job = page.locator(".job")
    expect(job.locator(".state")).to_have_text("Done")
    expect(page.locator("#catalogue .have")).to_have_text("On this machine")
    follow(job.get_by_role("link", name="Assign to a device"))
    expect(page.locator("#device-npu").get_by_role("checkbox", name="Qwen3-8B")).to_be_enabled()


def test_progress_pause_resume(live: LiveSite, hub: TestHub, open_page: OpenPage) -> None:
    reached, release = hub.faults.hold("openvino_model.bin", at=8 * 1024)
    page, _ = open_page(live.url + "/get", view="advanced")
    page.get_by_label("Hugging Face model ID").fill(QWEN)
    page.get_by_label("Branch or commit").fill("main")
    page.get_by_role("button", name="Pull", exact=True).click()
    assert reached.wait(30)
    job = page.locator(".job")
    expect(job.locator(".state")).to_have_text("Downloading")
    expect(page.get_by_role("link", name="1 download running")).to_be_visible()
    page.reload()
    expect(job.get_by_role("progressbar")).to_be_visible()
    page.get_by_role("button", name="Pause download").click()
    expect(job.locator(".state")).to_have_text("Paused")
    release.set()
    page.get_by_role("button", name="Resume download").click()
    expect(job.locator(".state")).to_have_text("Done")


def test_cancel_asks_first(live: LiveSite, hub: TestHub, open_page: OpenPage) -> None:
    reached, release = hub.faults.hold("openvino_model.bin", at=8 * 1024)
    page, _ = open_page(live.url + "/get", language="zh-TW")
    page.get_by_label("Hugging Face 模型 ID").fill(QWEN)
    page.get_by_role("button", name="拉取", exact=True).first.click()
    assert reached.wait(30)
    page.get_by_role("button", name=f"取消下載 {QWEN}").click()
    page.get_by_role("dialog").get_by_role("button", name="取消下載").click()
    expect(page.locator(".job .state")).to_have_text("已取消")
    release.set()


def test_a_model_that_is_not_there(live: LiveSite, open_page: OpenPage) -> None:
    page, manners = open_page(live.url + "/get")
    manners.expect_errors("400")
    page.get_by_label("Hugging Face model ID").fill("org/none")
    page.get_by_role("button", name="Pull", exact=True).click()
    expect(page.locator(".job .state")).to_have_text("Failed")
    expect(page.locator(".job .form-error")).to_contain_text("org/none")
    page.get_by_label("Hugging Face model ID").fill("not a name")
    page.get_by_role("button", name="Pull", exact=True).click()
    expect(page.locator(".pull .form-error").first).to_contain_text("organisation/name")


def test_after_the_download(live: LiveSite, hub: TestHub, published: Path, open_page: OpenPage) -> None:
    """Verify, look for a newer version, take the job off the list."""
    page, _ = open_page(live.url + "/get")
    page.get_by_role("region", name="OpenVINO collections").get_by_role("button", name=f"Pull {QWEN}").click()
    expect(page.locator(".job .state")).to_have_text("Done")
    page.get_by_role("button", name=f"Remove {QWEN} from the list").click()
    expect(page.locator("#jobs")).to_contain_text("No downloads.")

    page.goto(live.url + "/models")
    toast = page.locator(".toast").last
    page.locator("[data-detail]").click()
    page.get_by_role("button", name=f"Check for update: {QWEN}").click()
    expect(toast).to_have_text("You have the latest version.")
    hub.add_model(QWEN, published, extra={"README.md": b"changed"})
    page.get_by_role("button", name=f"Check for update: {QWEN}").click()
    expect(toast).to_contain_text("A newer version is available")
    page.get_by_role("button", name=f"Verify files: {QWEN}").click()
    expect(toast).to_have_text("All files are intact.")
    weights = live.site.registry.find(QWEN).path / "openvino_model.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    page.get_by_role("button", name=f"Verify files: {QWEN}").click()
    expect(toast).to_contain_text("openvino_model.bin")


def test_import_a_folder(live: LiveSite, published: Path, tmp_path: Path, open_page: OpenPage) -> None:
    page, manners = open_page(live.url + "/get", view="advanced")
    manners.expect_errors("422")
    page.get_by_text("Import or upload").click()
    page.get_by_role("textbox", name="Folder or GGUF file").fill(str(tmp_path / "nothing"))
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#import .form-error:visible")).to_contain_text("does not exist")
    page.get_by_role("textbox", name="Folder or GGUF file").fill(str(published))
    page.get_by_label("Model ID (optional)").fill("mine/model")
    page.get_by_role("button", name="Import").click()
    expect(page.locator(".toast")).to_have_text("Imported.")
    page.goto(live.url + "/models")
    expect(page.locator(".table")).to_contain_text("mine")


def test_search_the_hub(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(live.url + "/get")
    page.get_by_label("Search models").fill("Qwen3")
    page.get_by_role("button", name="Search Hugging Face").click()
    expect(page.locator("#found li")).to_contain_text("Qwen3-8B-int4-cw-ov")
    page.get_by_label("Search models").fill("nothing like it")
    page.get_by_role("button", name="Search Hugging Face").click()
    expect(page.locator("#found")).to_contain_text("No matching OpenVINO models on Hugging Face.")


def test_hub_and_token(live: LiveSite, hub: TestHub, open_page: OpenPage) -> None:
    page, manners = open_page(live.url + "/settings")
    manners.expect_errors("400")
    page.get_by_label("Access token", exact=True).fill("hf_good")
    follow(page.get_by_role("button", name="Save").last)
    expect(page.get_by_label("Access token", exact=True)).to_have_attribute("placeholder", "set")
    assert live.site.registry.hub.token == "hf_good"
    assert "hf_good" not in page.content()
    page.get_by_label("Address").fill("http://user:password@example.com")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("[hx-post='/api/hub'] .form-error")).to_contain_text("https://huggingface.co")
    assert live.site.registry.hub.endpoint == hub.url
    page.get_by_role("button", name="Remove token").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove token").click()
    expect(page.get_by_label("Access token", exact=True)).to_have_attribute("placeholder", "hf_…")
    assert live.site.registry.hub.token is None


def test_search_and_filters(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(live.url + "/get")
    rows = page.locator("#catalogue li:visible")
    expect(rows).to_have_count(1)
    page.get_by_label("Search models").fill("nothing like it")
    expect(rows).to_have_count(0)
    expect(page.get_by_text("No matching models.")).to_be_visible()
    page.get_by_label("Search models").fill("qwen 8B")
    expect(rows).to_have_count(1)
    page.get_by_label("Runs on").select_option(label="NPU")
    expect(rows).to_have_count(1)
    page.get_by_label("Type").select_option(label="Embedding")
    expect(rows).to_have_count(0)

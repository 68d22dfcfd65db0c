"""The other screens in a real Chromium, and what holds for all of them."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.admin.conftest import PHI, OpenPage
from tests.admin.site import LiveSite, Site, add_model
from tests.admin.test_pages import SCREENS
from tests.model_files.layouts import DAMAGED, UNSUPPORTED, USABLE, make


@pytest.mark.parametrize("width", [360, 1440])
def test_nothing_is_wider_than_the_window(live: LiveSite, published: Path, open_page: OpenPage, width: int) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url, width=width)
    for path in SCREENS:
        page.goto(live.url + path)
        page.locator("#link[data-link=live]").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_the_models_of_all_kinds_stand_in_their_table_on_a_laptop(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    models = live.site.data_dir / "models"
    for layout in (*USABLE, *UNSUPPORTED, *DAMAGED):
        make(layout, models / f"org_{layout.__name__.replace('_', '-')}-with-a-long-name-int4-cw-ov")
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url, width=1280)
    page.context.add_cookies([{"name": "language", "value": language, "url": live.url}])
    page.goto(live.url + "/models")
    expect(page.locator("#local-models tbody tr")).to_have_count(len(USABLE) + len(UNSUPPORTED) + len(DAMAGED) + 1)
    box = page.locator("#local-models .table-box")
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") == 0


def test_a_short_page_on_a_phone_begins_where_the_others_do(live: LiveSite, open_page: OpenPage) -> None:
    page, manners = open_page(live.url + "/models", width=390)
    manners.expect_errors("404")
    title = page.get_by_role("heading", level=1)
    usual = title.bounding_box()
    page.goto(live.url + "/nothing")
    expect(title).to_have_text("Something went wrong")
    box = title.bounding_box()
    assert usual is not None
    assert box is not None
    assert box["y"] == pytest.approx(usual["y"], abs=2)
    expect(page.locator("#link")).to_have_attribute("data-link", "live")


def test_pages_are_light(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    """Under 300 KB with everything they load, the playground with its Markdown parser left out."""
    for number in range(20):
        add_model(live.site, f"org/model-{number}", published)
    page, _ = open_page(live.url)
    for path in SCREENS:
        if path == "/playground":
            continue
        sizes: list[int] = []
        page.context.clear_cookies()
        page.on("response", lambda response, sizes=sizes: sizes.append(int(response.headers.get("content-length", 0))))
        page.goto(live.url + path)
        page.locator("#link[data-link=live]").wait_for()
        assert sum(sizes) < 300_000, path


def test_language_and_theme_are_switched_on_any_screen(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(live.url + "/models")
    with page.expect_event("load"):
        page.get_by_label("Language").select_option("zh-TW")
    expect(page.get_by_role("heading", level=1)).to_have_text("模型")
    page.get_by_label("佈景主題").select_option("dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == "rgb(18, 22, 25)"
    assert page.url == live.url + "/models"


def test_a_model_is_deleted_after_a_question(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    directory = add_model(live.site, PHI, published)
    page, _ = open_page(live.url + "/models")
    button = page.get_by_role("button", name=f"Delete {PHI}")
    button.click()
    dialog = page.get_by_role("dialog", name="Delete this model?")
    expect(dialog).to_contain_text(PHI)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert directory.exists()
    button.click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No models yet")).to_be_visible()
    assert not directory.exists()


def test_the_log_is_followed_paused_filtered_and_searched(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    page, _ = open_page(live.url + "/logs?device=gpu")
    log = page.locator("#log")
    expect(log).to_contain_text("No log lines yet")
    apply = {"device": "gpu", "models": [PHI]}
    httpx.post(f"{live.url}/api/update_config", json=apply, timeout=30)
    expect(log).to_contain_text("gpu listens on port")
    page.get_by_role("button", name="Pause").click()
    shown = log.locator("p:visible").count()
    httpx.post(f"{live.url}/api/update_config", json=apply, timeout=30)
    expect(page.locator("#log-count")).to_contain_text("Paused")
    assert log.locator("p:visible").count() == shown
    page.get_by_role("button", name="Follow").click()
    expect(log.get_by_text("gpu listens on port")).to_have_count(2)
    page.get_by_label("Search the log").fill("LISTENS")
    expect(log.locator("p:visible")).to_have_count(2)
    page.get_by_label("Search the log").fill("")
    page.get_by_label("Level").select_option("ERROR")
    expect(log.locator("p:visible")).to_have_count(0)


def test_connect_fills_in_address_and_model(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    page, _ = open_page(live.url + "/connect")
    expect(page.get_by_role("heading", name="Nothing to connect to yet")).to_be_visible()
    add_model(live.site, PHI, published)
    for device in ("gpu", "npu"):
        httpx.post(f"{live.url}/api/update_config", json={"device": device, "models": [PHI]}, timeout=30)
    page.reload()
    page.get_by_label("Model").select_option(f"npu-{PHI}")
    port = live.site.suite.status("npu").port
    expect(page.locator("#code-curl")).to_contain_text(f"http://127.0.0.1:{port}/v1/chat/completions")
    expect(page.locator("#code-python")).to_contain_text(f"npu-{PHI}")


def test_connect_writes_a_configuration_and_takes_it_back(
    live: LiveSite, published: Path, open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("CODEX_HOME", raising=False)
    path = tmp_path / "home" / ".codex" / "config.toml"
    add_model(live.site, PHI, published, config={"max_position_embeddings": 32_768})
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url + "/connect")
    expect(page.get_by_role("button", name="Write the configuration of Claude Code")).to_have_count(0)
    page.get_by_role("button", name="Write the configuration of Codex").click()
    expect(page.get_by_role("dialog")).to_contain_text(str(path))
    page.get_by_role("dialog").get_by_role("button", name="Write").click()
    undo = page.get_by_role("button", name="Undo the configuration of Codex")
    expect(undo).to_be_visible()
    assert f"gpu-{PHI}" in path.read_text(encoding="utf-8")
    undo.click()
    expect(undo).to_have_count(0)
    assert not path.exists()


def test_a_lost_server_is_said_and_found_again(site: Site, open_page: OpenPage) -> None:
    with LiveSite(site) as live:
        page, manners = open_page(live.url)
        manners.expect_errors("ERR_", "htmx:sseError")
        port = live.port
    expect(page.locator("#link")).to_have_attribute("data-link", "lost")
    with LiveSite(_again(site), port=port):
        expect(page.locator("#link")).to_have_attribute("data-link", "live")


def test_two_tabs_show_the_same(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    first, _ = open_page(live.url)
    second, _ = open_page(live.url, language="zh-TW")
    add_model(live.site, PHI, published)
    for page in (first, second):
        expect(page.locator("#device-gpu")).to_contain_text("Phi-3-medium")
    box = first.locator("#device-gpu").get_by_role("checkbox", name="Phi-3-medium")
    box.check()
    first.locator("#device-gpu").get_by_role("button", name="Apply and restart").click()
    expect(second.locator("#device-gpu .state")).to_have_text("執行中")
    expect(second.locator("#device-gpu").get_by_role("checkbox", name="Phi-3-medium")).to_be_checked()


def _again(site: Site) -> Site:
    from tests.admin.site import make_site

    return make_site(site.data_dir, devices=site.store.load().devices)

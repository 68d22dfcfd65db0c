"""The palette and the shortcuts, without a mouse, in both languages."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.admin.conftest import PHI, OpenPage
from tests.admin.site import LiveSite, add_model


@pytest.mark.parametrize(
    ("language", "typed", "heading"),
    [("en", "chart", "Activity"), ("zh-TW", "圖表", "活動"), ("zh-TW", "拉取", "模型")],
)
def test_a_few_letters_lead_anywhere(
    live: LiveSite, open_page: OpenPage, language: str, typed: str, heading: str
) -> None:
    page, _ = open_page(live.url, language=language)
    page.keyboard.press("Control+k")
    page.keyboard.type(typed)
    expect(page.locator("#palette [role=option]:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def test_arrows_go_round_and_escape_leaves(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(live.url)
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Go to…")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-activedescendant", "go-overview")
    page.keyboard.press("ArrowUp")
    expect(field).not_to_have_attribute("aria-activedescendant", "go-overview")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "go-overview")
    page.keyboard.type("zzz")
    expect(page.get_by_text("Nothing found.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()


def test_models_that_come_late_leave_the_choice_where_it_is(
    live: LiveSite, published: Path, open_page: OpenPage
) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url)
    held: list[Route] = []
    page.route("**/api/status", lambda route: held.append(route))
    with page.expect_request("**/api/status"):
        page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Go to…")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = field.get_attribute("aria-activedescendant")
    held.pop().continue_()
    expect(page.locator("#palette [data-model]")).to_have_count(1)
    expect(field).to_have_attribute("aria-activedescendant", chosen or "none")
    page.keyboard.type("g")
    expect(page.locator("#palette [role=option]:visible").first).to_have_attribute("aria-selected", "true")


def test_models_language_and_theme_are_in_it(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url)
    page.get_by_role("button", name="Go to…").click()
    page.keyboard.type("phi")
    page.get_by_role("option", name=f"gpu-{PHI}").click()
    expect(page.locator("#connect-model")).to_have_value(f"gpu-{PHI}")
    page.keyboard.press("Control+k")
    page.keyboard.type("dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("Control+k")
    page.keyboard.type("繁體")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "zh-TW")


def test_letters_lead_on_but_not_from_a_field_and_can_be_switched_off(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(live.url + "/activity")
    page.keyboard.press("/")
    expect(page.locator("#activity-search")).to_be_focused()
    page.keyboard.type("gm?")
    expect(page.locator("#activity-search")).to_have_value("gm?")
    page.locator("h1").click()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_contain_text("Local models")
    page.keyboard.press("Escape")
    with page.expect_navigation(url="**/models"):
        page.keyboard.type("gm")
    page.locator("#link[data-link=live]").wait_for()
    page.keyboard.press("?")
    page.get_by_role("switch", name="Shortcuts with plain letters").press("Space")
    page.keyboard.press("Escape")
    page.reload()
    page.locator("#link[data-link=live]").wait_for()
    page.keyboard.type("ga?")
    expect(sheet).to_be_hidden()
    assert page.url == live.url + "/models"
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-text")).to_be_focused()

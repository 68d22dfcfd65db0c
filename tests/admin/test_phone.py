"""A phone in one hand: what a finger has to hit is large enough, the header small, a dead server told of wherever one
has scrolled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.admin.conftest import OpenPage
from tests.admin.site import LiveSite, Site
from tests.admin.stage import staged_site
from tests.admin.test_pages import SCREENS

# Links inside of a sentence are left out, as WCAG 2.5.8 does; what has a label is hit through it, too.
SMALL = """() => {
    const largest = (boxes, side) => Math.max(...boxes.map((box) => box[side]));
    const hit = 'button, select, textarea, summary, input, .menu a, .units a, .tabs a, a.button';
    return [...document.querySelectorAll(hit)]
        .filter((each) => each.type !== "hidden" && !each.classList.contains("sr-only")
            && each.checkVisibility({visibilityProperty: true, opacityProperty: true}))
        .map((each) => [each, [each, ...(each.labels ?? [])].map((part) => part.getBoundingClientRect())])
        .filter(([, boxes]) => largest(boxes, "width") < 39.5 || largest(boxes, "height") < 39.5)
        .map(([each, boxes]) => [each.outerHTML.slice(0, 120), largest(boxes, "width"), largest(boxes, "height")]);
}"""


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    with staged_site(tmp_path_factory.mktemp("stage")) as live:
        yield live


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    yield page
    page.close()


@pytest.mark.parametrize("path", SCREENS)
def test_what_a_finger_hits_is_large_enough(staged: LiveSite, phone: Page, path: str) -> None:
    phone.goto(staged.url + path)
    phone.locator("#link[data-link=live]").wait_for()
    phone.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    assert phone.evaluate(SMALL) == []


def test_the_header_is_small_and_its_menu_stays(staged: LiveSite, phone: Page) -> None:
    phone.goto(staged.url)
    phone.locator("#link[data-link=live]").wait_for()
    header = phone.locator(".rail").bounding_box()
    assert header is not None
    assert header["height"] <= 92
    phone.evaluate("scrollTo(0, 1200)")
    menu = phone.locator(".menu").bounding_box()
    assert menu is not None
    assert 0 <= menu["y"] < 10


def test_a_dead_server_is_told_of_wherever_one_has_scrolled(site: Site, open_page: OpenPage) -> None:
    with LiveSite(site) as live:
        page, manners = open_page(live.url + "/settings", width=390)
        manners.expect_errors("ERR_", "htmx:sseError")
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    lost = page.locator("#link[data-link=lost]")
    expect(lost).to_be_in_viewport()
    expect(lost).to_have_text("Connection lost, retrying…")
    assert (
        page.locator(".units .dot").first.evaluate("dot => getComputedStyle(dot).backgroundColor") == "rgba(0, 0, 0, 0)"
    )


def test_a_wide_screen_is_used(staged: LiveSite, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 2560, "height": 1440})
    for path in SCREENS:
        page.goto(staged.url + path)
        box = page.locator("main").bounding_box()
        assert box is not None
        assert box["x"] + box["width"] == pytest.approx(2560, abs=20), path
    page.close()

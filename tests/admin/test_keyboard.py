"""Everything that can be used can be reached with the Tab key, in the order of the page, and nothing traps it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.admin.site import LiveSite
from tests.admin.stage import staged_site
from tests.admin.test_pages import SCREENS

# What takes part in tabbing: visible, enabled, one radio button of a group.
USABLE = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter((each) => !each.disabled && each.tabIndex >= 0 && each.type !== "hidden"
        && each.checkVisibility({visibilityProperty: true}) && !(each.type === "radio" && !each.checked))
    .map((each, index) => each.dataset.stop = String(index)).length"""


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    with staged_site(tmp_path_factory.mktemp("stage")) as live:
        yield live


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    yield page
    page.close()


@pytest.mark.parametrize("path", SCREENS)
def test_every_control_is_reached(staged: LiveSite, page: Page, path: str) -> None:
    page.goto(staged.url + path)
    page.locator("#link[data-link=live]").wait_for()
    page.evaluate("live.renew = () => {}; document.activeElement.blur()")
    wanted = page.evaluate(USABLE)
    reached: set[str] = set()
    for _ in range(2 * (wanted + 15)):  # Twice around: what arrives meanwhile may shift a stop.
        page.keyboard.press("Tab")
        stop = page.evaluate("document.activeElement.dataset.stop ?? ''")
        if stop:
            reached.add(stop)
    missing = page.evaluate(
        """reached => [...document.querySelectorAll('[data-stop]')]
            .filter((each) => !reached.includes(each.dataset.stop)).map((each) => each.outerHTML.slice(0, 160))""",
        sorted(reached),
    )
    assert not missing


def test_a_request_is_opened_and_closed_again(staged: LiveSite, page: Page) -> None:
    page.goto(staged.url + "/activity")
    row = page.locator("#activity-rows [data-details]").first
    row.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    expect(row).to_be_focused()

"""axe-core over every screen: nothing serious or critical, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.admin.site import LiveSite
from tests.admin.stage import staged_site
from tests.admin.test_pages import SCREENS

AXE = Path(__file__).with_name("vendor") / "axe.min.js"
GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    with staged_site(tmp_path_factory.mktemp("stage")) as live:
        yield live


@pytest.mark.parametrize("path", [*SCREENS, "/nothing"])
def test_axe_finds_nothing_grave(staged: LiveSite, browser: Browser, path: str) -> None:
    # The policy of our pages would keep axe-core out.
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    # A theme changes colours only, which are the same at every width.
    for theme, width, rules in (("light", 1440, None), ("light", 390, None), ("dark", 1440, ["color-contrast"])):
        context.add_cookies([{"name": "theme", "value": theme, "url": staged.url}])
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(staged.url + path)
        page.locator("h1").wait_for()
        assert (page.locator("html").get_attribute("data-theme") == "dark") == (theme == "dark")
        _open_everything(page)
        page.add_script_tag(path=AXE)
        found = page.evaluate(
            "async (rules) => (await axe.run(document, rules ? {runOnly: rules} : {})).violations", rules
        )
        grave = [
            (rule["id"], node["html"][:200], node.get("failureSummary", ""))
            for rule in found
            if rule["impact"] in GRAVE
            for node in rule["nodes"]
        ]
        assert not grave, grave
    context.close()


def _open_everything(page: Page) -> None:
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")

"""From nothing to an answer of the recommended model, by nothing but what the page suggests: four clicks at most."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.admin.browser import Manners, follow
from tests.hub import TestHub
from tests.support.launch import DEMO_MODEL, PATIENCE_SECONDS
from tests.support.launch_suite import SuiteProcess

MOST_CLICKS = 4


class Newcomer:
    """Clicks only on the one button that stands out, and counts."""

    def __init__(self) -> None:
        self.clicks = 0

    def click(self, element: Locator) -> None:
        self.clicks += 1
        element.click()

    def follow(self, element: Locator) -> None:
        self.clicks += 1
        follow(element)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestHub]:
    """A hub that the suite asks, still empty."""
    with TestHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield hub


@pytest.fixture
def nothing(hub: TestHub, suite: SuiteProcess) -> SuiteProcess:
    """A running suite without a model; the hub has the one that it recommends for this machine."""
    recommended = httpx.get(f"{suite.url}/api/recommended_models", trust_env=False).json()["recommendations"]
    for choice in (choice for each in recommended for choice in each["choices"]):
        hub.add_model(choice["model"], DEMO_MODEL)
    return suite


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_four_clicks_lead_from_nothing_to_an_answer(nothing: SuiteProcess, browser: Browser, language: str) -> None:
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    page = browser.new_page(locale=language)
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    manners = Manners(page)
    newcomer = Newcomer()
    page.goto(nothing.url)
    page.locator("#link[data-link=live]").wait_for()
    suggested = page.locator(".first-steps .step[aria-current] .button.primary")
    newcomer.click(suggested)
    expect(page.locator("#step-load")).to_have_attribute("data-state", "current")
    newcomer.click(suggested)
    expect(page.locator("#step-chat")).to_have_attribute("data-state", "current")
    newcomer.follow(suggested)
    newcomer.click(page.locator("[data-starter]").first)
    expect(page.locator("[data-role=assistant]").first).to_contain_text("OpenVINO")
    assert newcomer.clicks <= MOST_CLICKS
    page.goto(nothing.url)
    expect(page.locator("#step-connect")).to_have_attribute("data-state", "current")
    page.close()
    manners.check()

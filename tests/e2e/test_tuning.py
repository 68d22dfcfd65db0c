"""Measuring a model's fastest settings from the page."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from configuration.tuning_store import tuning_store
from tests.helpers import PATIENCE, wait_until
from tests.support.launch import DEMO_ID
from tests.support.launch_suite import SuiteProcess

pytestmark = pytest.mark.long


def test_the_button_measures_and_the_result_stays(suite: SuiteProcess, browser: Browser, tmp_path: Path) -> None:
    suite.assign("gpu", [DEMO_ID])
    wait_until(lambda: suite.device("gpu")["state"] == "running")
    page = browser.new_page(locale="en-US")
    page.context.add_cookies([{"name": "view", "value": "advanced", "url": suite.url}])
    page.goto(suite.url)
    page.locator("#device-gpu details.tuning summary, details.tuning summary").first.click()
    page.get_by_role("button", name=f"Measure the fastest settings for chat: {DEMO_ID}").first.click()
    page.get_by_text("Trial 1: Continuous batching.").first.wait_for()
    expect(page.get_by_text("Fastest here for chat:").first).to_be_visible(timeout=4 * PATIENCE * 1000)
    assert len(tuning_store(tmp_path / "資料 夾").all()[0].trials) > 3

    page.reload()
    page.locator("details.tuning summary").first.click()
    expect(page.get_by_text("Fastest here for chat:").first).to_be_visible()
    # Its server has started anew, and answers.
    assert suite.chat("gpu", DEMO_ID, "What is OpenVINO?").is_success
    page.close()

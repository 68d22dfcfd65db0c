"""The page draws, speaks and listens with real pipelines: tiny models of random weights, so what comes is noise."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import Browser, expect

from tests.admin.browser import Manners
from tests.support.launch import DEMO_ID, PATIENCE_SECONDS, PROJECT
from tests.support.launch_suite import SuiteProcess

KINDS = ("image", "speech", "whisper")


def test_draw_speak_and_listen(suite: SuiteProcess, browser: Browser) -> None:
    for kind in KINDS:
        body = {"path": str(PROJECT / "tests" / "models" / f"test_{kind}"), "model_id": f"test/{kind}"}
        answer = httpx.post(
            f"{suite.url}/api/import_model", json=body | {"mode": "reference"}, timeout=PATIENCE_SECONDS
        )
        answer.raise_for_status()
    suite.assign("gpu", [DEMO_ID, *(f"test/{kind}" for kind in KINDS)])
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    page = browser.new_page(locale="en")
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    manners = Manners(page)
    page.goto(f"{suite.url}/playground")
    expect(page.locator("#prompt")).to_be_enabled()

    page.get_by_label("Model", exact=True).select_option("gpu-test/image")
    page.get_by_role("button", name="Options", exact=True).click()
    page.get_by_label("Steps").fill("4")
    page.get_by_role("button", name="Close options").click()
    page.locator("#prompt").fill("a lighthouse")
    page.keyboard.press("Enter")
    picture = page.locator(".turn[data-role=assistant] .attached img")
    expect(picture).to_be_visible()
    expect(page.locator(".turn[data-role=assistant] .figures")).to_have_text(re.compile(r"^[\d.]+ s$"))
    expect(page.locator(".turn-error:visible")).to_have_count(0)
    assert picture.evaluate("image => image.naturalWidth") >= 8

    page.get_by_role("button", name="New chat").click()
    page.get_by_label("Model", exact=True).select_option(f"gpu-{DEMO_ID}")
    page.locator("#prompt").fill("What is OpenVINO?")
    page.keyboard.press("Enter")
    speak = page.get_by_role("button", name="Read aloud")
    with page.expect_response("**/api/playground/gpu/speech") as spoken:
        speak.click()
    assert spoken.value.status == 200
    speak.click()
    expect(speak).to_have_attribute("aria-pressed", "false")

    with page.expect_response("**/api/playground/gpu/transcriptions") as heard:
        page.get_by_role("button", name="Speak").click()
        expect(page.locator("#recording")).to_have_text("Recording 2 s")
        page.get_by_role("button", name="Speak").click()
    assert heard.value.status == 200, heard.value.text()
    text = heard.value.json()["text"].strip()
    expect(page.locator("#prompt")).to_have_value(text)
    manners.check()

"""The first steps on the page: they tick themselves, and they lead from nothing to a chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from model_registry import HubSettings
from notices import Notice, as_phrase
from tests.admin.browser import follow
from tests.admin.conftest import PHI, OpenPage
from tests.admin.site import LiveSite, add_model, make_site
from tests.helpers import wait_until
from tests.hub import TestHub

BOTH = pytest.mark.parametrize("language", ["en", "zh-TW"])


@pytest.fixture
def hub() -> Iterator[TestHub]:
    with TestHub() as hub:
        yield hub


@pytest.fixture
def live(tmp_path: Path, hub: TestHub) -> Iterator[LiveSite]:
    with LiveSite(make_site(tmp_path / "資料 夾", hub=HubSettings(hub.url))) as live:
        yield live


def state(page: Page, step: str) -> str | None:
    return page.locator(f"#step-{step}").get_attribute("data-state")


@BOTH
def test_from_nothing_to_a_chat_by_what_the_page_suggests(
    live: LiveSite, hub: TestHub, published: Path, open_page: OpenPage, language: str
) -> None:
    page, _ = open_page(live.url, language=language)
    steps = page.locator(".first-steps")
    button = steps.locator(".step .button.primary")
    expect(button).to_have_count(1)
    recommended = httpx.get(f"{live.url}/api/recommended_models").json()["recommendations"]
    model = steps.locator("#step-get .step-body b").inner_text()
    (model_id,) = {c["model"] for each in recommended for c in each["choices"] if c["model"].endswith(f"/{model}")}
    hub.add_model(model_id, published)

    button.click()
    expect(page.locator("#step-get")).to_have_attribute("data-state", "done")
    button.click()
    expect(page.locator(".toast", has_text=model).last).to_have_attribute("data-tone", "good")
    expect(page.locator("#step-load")).to_have_attribute("data-state", "done")
    follow(page.locator("#step-chat .button.primary"))
    page.locator("[data-starter]").first.click()
    expect(page.locator("[data-role=assistant]")).to_contain_text("You said: ")

    page.goto(live.url)
    expect(page.locator("#step-chat")).to_have_attribute("data-state", "done")
    expect(page.locator("#step-connect")).to_have_attribute("data-state", "current")
    device = next(device for device in httpx.get(f"{live.url}/api/status").json()["devices"] if device["port"])
    body = {"model": f"{device['name']}-{model_id}", "messages": [{"role": "user", "content": "Hello"}]}
    port = live.site.suite.status(device["name"]).port
    httpx.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body, timeout=30)
    expect(steps).to_have_count(0)


@BOTH
def test_what_loading_refuses_is_said_in_the_readers_language(
    live: LiveSite, published: Path, open_page: OpenPage, language: str
) -> None:
    add_model(live.site, PHI, published)
    refusal = Notice("notices.memory_short", model=f"gpu-{PHI}", size="7.90")
    phrase = as_phrase(refusal)
    for device in ("gpu", "npu"):
        error = {"message": refusal, "code": "insufficient_memory"}
        live.site.order(
            device, refuse_to_load=error | {"phrase": {"text": phrase.text, "key": phrase.key, "values": phrase.values}}
        )
    page, manners = open_page(live.url, language=language)
    manners.expect_errors("503")
    page.locator("#step-load .button.primary").click()
    toast = page.locator(".toast")
    expect(toast).to_have_attribute("data-tone", "bad")
    expect(toast).to_contain_text("7.90")
    assert (toast.inner_text() == refusal) == (language == "en")


def test_they_are_hidden_and_shown_again(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(live.url)
    page.get_by_role("button", name="Hide").click()
    expect(page.locator(".first-steps")).to_have_count(0)
    page.reload()
    expect(page.locator("#device-gpu")).to_be_visible()
    expect(page.locator(".first-steps")).to_have_count(0)
    page.goto(f"{live.url}/settings")
    page.get_by_role("button", name="Show “Get started” again").click()
    wait_until(lambda: not json.loads((live.site.data_dir / ".first_steps.json").read_text("utf-8"))["hidden"])
    expect(page.get_by_role("button", name="Show “Get started” again")).to_have_count(0)  # the page has come anew
    page.goto(live.url)
    expect(page.locator(".first-steps")).to_be_visible()


def test_a_download_that_fails_can_be_tried_again_there(
    live: LiveSite, hub: TestHub, published: Path, open_page: OpenPage
) -> None:
    page, _ = open_page(live.url)
    model = page.locator("#step-get .step-body b").inner_text()
    page.locator("#step-get .button.primary").click()
    expect(page.locator("#step-get .form-error")).to_be_visible()
    hub.add_model(f"OpenVINO/{model}", published)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#step-get")).to_have_attribute("data-state", "done")
    assert state(page, "load") == "current"

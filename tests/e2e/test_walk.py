"""Every screen and what can be done on it, in both languages: from an empty data folder to a chat and back.

The whole suite, a real model, a hub, a real browser. Each step is found by the words of the page's catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from i18n.catalogues import Catalogues, Translator
from tests.admin.browser import Manners, follow
from tests.hub import TestHub
from tests.support.launch import PATIENCE_SECONDS
from tests.support.launch_suite import SuiteProcess, suite_process

pytestmark = pytest.mark.long

PROJECT = Path(__file__).resolve().parents[2]
MODEL = "org/chat-int4-ov"
NAME = "chat-int4-ov"


@pytest.fixture
def hub() -> Iterator[TestHub]:
    with TestHub() as hub:
        hub.add_model(MODEL, PROJECT / "tests" / "models" / "test_chat")
        yield hub


@pytest.fixture
def fresh_suite(tmp_path: Path, hub: TestHub) -> Iterator[SuiteProcess]:
    with suite_process(tmp_path, environment={"HF_ENDPOINT": hub.url}) as suite:
        yield suite


@pytest.mark.parametrize("language", ["zh-TW", "en"])
def test_from_an_empty_folder_to_a_chat_and_back(fresh_suite: SuiteProcess, browser: Browser, language: str) -> None:
    t = Catalogues(PROJECT / "locales").get(language)
    assert t is not None
    page = browser.new_page(locale=language)
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    manners = Manners(page)
    page.goto(fresh_suite.url)
    _pull(page, t)
    _assign(page, t)
    _load(page, t)
    _chat(page, t)
    _look_at_the_request(page, t)
    _read_the_log(page, t)
    _connect(page, t, fresh_suite)
    _examine(page, t)
    _set_limits(page, t)
    _make_a_key_and_revoke_it(page, t)
    _take_away(page, t)
    page.close()
    manners.check()


def _go(page: Page, t: Translator, screen: str) -> None:
    menu = page.get_by_role("navigation", name=t("nav.label"))
    follow(menu.get_by_role("link", name=t(f"nav.{screen}"), exact=True))
    expect(page.locator("#link")).to_have_attribute("data-link", "live")


def _pull(page: Page, t: Translator) -> None:
    expect(page.locator("#device-gpu .state")).to_have_text(t("stage.no_models"))
    _go(page, t, "get")
    page.get_by_label(t("get.model_id")).fill("org/nothing")
    page.locator("#model-id").press("Enter")
    expect(page.locator(".job .state")).to_have_text(t("job.failed"))
    page.get_by_role("button", name=t("job.cancel_named", model="org/nothing")).click()
    page.get_by_role("dialog").get_by_role("button", name=t("job.cancel")).click()
    page.get_by_role("button", name=t("job.dismiss_named", model="org/nothing")).click()
    expect(page.locator(".job")).to_have_count(0)
    page.get_by_label(t("get.model_id")).fill(MODEL)
    page.locator("#model-id").press("Enter")
    expect(page.locator(".job .state")).to_have_text(t("job.ready"))
    follow(page.locator(".job").get_by_role("link", name=t("job.assign")))


def _assign(page: Page, t: Translator) -> None:
    card = page.locator("#device-gpu")
    card.get_by_role("checkbox", name=NAME).check()
    expect(card.locator(".projection svg")).to_be_visible()
    card.get_by_role("button", name=t("action.apply")).click()
    expect(card.locator(".state")).to_have_text(t("stage.running"))
    expect(card.locator(".fallback")).to_be_visible()
    card.get_by_text(t("tuning.title"), exact=True).click()
    card.get_by_label(t("tuning.system")).fill("Be brief.")
    card.get_by_label(t("tuning.temperature")).fill("0.5")
    card.get_by_role("button", name=t("action.apply")).click()
    expect(card.locator(".unsaved")).to_be_hidden()
    expect(card.locator(".state")).to_have_text(t("stage.running"))


def _load(page: Page, t: Translator) -> None:
    _go(page, t, "models")
    page.get_by_role("button", name=t("run.load_on", model=MODEL, device="GPU")).click()
    page.get_by_role("button", name=t("run.unload_on", model=MODEL, device="GPU")).click()
    expect(page.get_by_role("button", name=t("run.load_on", model=MODEL, device="GPU"))).to_be_visible()
    page.locator(f"[data-detail='{MODEL}']").click()
    page.get_by_role("button", name=t("models.verify_named", model=MODEL)).click()
    expect(page.locator(".toast").last).to_have_text(t("js.verify.intact"))
    page.keyboard.press("Escape")


def _chat(page: Page, t: Translator) -> None:
    _go(page, t, "playground")
    options = page.get_by_role("button", name=t("play.options"), exact=True)
    options.click()
    page.get_by_label(t("play.max_tokens")).fill("8")
    options.click()
    page.get_by_label(t("play.prompt"), exact=True).fill("Hello")
    page.keyboard.press("Enter")
    figures = page.locator(".turn[data-role=assistant] .figures")
    expect(figures).to_contain_text("token")
    page.get_by_role("button", name=t("play.again")).click()
    expect(page.get_by_role("button", name=t("play.again"))).to_be_visible()
    page.get_by_role("button", name=t("play.show_code")).click()
    for kind in ("curl", "Python", "JavaScript"):
        page.get_by_role("button", name=kind, exact=True).click()
        expect(page.locator("#code-text")).to_contain_text(f"gpu-{MODEL}")
    page.get_by_role("button", name=t("action.close")).click()
    page.get_by_role("button", name=t("play.new")).click()
    expect(figures).to_have_count(0)


def _look_at_the_request(page: Page, t: Translator) -> None:
    _go(page, t, "activity")
    rows = page.locator("#activity-rows tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Playground")
    expect(rows.first).to_contain_text(t("outcome.completed"))
    rows.first.get_by_role("button").click()
    dialog = page.get_by_role("dialog", name=t("activity.details"))
    expect(dialog).to_contain_text("req_")
    expect(dialog).to_contain_text(t("activity.not_kept"))
    dialog.get_by_role("button", name=t("action.close")).click()


def _read_the_log(page: Page, t: Translator) -> None:
    _go(page, t, "logs")
    expect(page.locator("#log")).to_contain_text("Loaded")
    page.get_by_label(t("logs.search")).fill("Loaded")
    expect(page.locator("#log p:visible").first).to_contain_text("Loaded")
    with page.expect_download() as download:
        page.get_by_role("link", name=t("logs.download")).click()
    assert download.value.suggested_filename == "gpu.log"


def _connect(page: Page, t: Translator, suite: SuiteProcess) -> None:
    _go(page, t, "connect")
    expect(page.locator("#code-curl")).to_contain_text(f"{suite.device_url('gpu')}/v1/chat/completions")
    expect(page.locator("#code-python")).to_contain_text(f"gpu-{MODEL}")


def _set_limits(page: Page, t: Translator) -> None:
    _go(page, t, "settings")
    form = page.locator("form.limits").first
    form.get_by_role("switch").check()
    form.get_by_label(t("limits.max_queue")).fill("8")
    form.get_by_role("button", name=t("action.apply")).click()
    expect(page.locator(".toast").last).to_have_text(t("device.applied", device="GPU"))
    page.get_by_role("radio", name=t("theme.dark")).check()
    follow(page.get_by_role("button", name=t("action.save")).first)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("form.limits").first.get_by_role("switch")).to_be_checked()


def _examine(page: Page, t: Translator) -> None:
    _go(page, t, "doctor")
    again = page.get_by_role("button", name=t("check.again"))
    expect(page.locator(".finding", has_text=t("doctor.openvino_version.title"))).to_be_visible()
    again.click()
    expect(again).to_be_enabled()
    expect(page.locator(".finding", has_text="CPU").first).to_be_visible()


def _make_a_key_and_revoke_it(page: Page, t: Translator) -> None:
    keys = page.locator("#keys")
    expect(keys).to_contain_text(t("keys.open"))
    page.get_by_label(t("keys.name"), exact=True).fill("me")
    page.get_by_role("button", name=t("keys.create")).click()
    expect(page.locator("#key-secret")).to_contain_text("ovk-")
    follow(page.get_by_role("button", name=t("keys.secret_done")))
    expect(keys).to_contain_text(t("keys.required"))
    # Whoever made the first key stays logged in; the suite goes on to talk to its device servers.
    _go(page, t, "overview")
    expect(page.locator("#device-gpu .state")).to_have_text(t("stage.running"))
    _go(page, t, "settings")
    page.get_by_role("button", name=t("keys.revoke_named", name="me")).click()
    follow(page.get_by_role("dialog").get_by_role("button", name=t("keys.revoke")))
    expect(keys).to_contain_text(t("keys.open"))


def _take_away(page: Page, t: Translator) -> None:
    _go(page, t, "overview")
    card = page.locator("#device-gpu")
    expect(card.locator(".state")).to_have_text(t("stage.running"))
    card.get_by_role("checkbox", name=NAME).uncheck()
    card.get_by_role("button", name=t("action.apply")).click()
    expect(card.locator(".state")).to_have_text(t("stage.no_models"))
    _go(page, t, "models")
    page.get_by_role("button", name=t("models.delete_named", model=MODEL)).click()
    page.get_by_role("dialog").get_by_role("button", name=t("action.delete")).click()
    expect(page.get_by_role("rowheader", name=NAME)).to_have_count(0)

"""Chats in a real Chromium: kept, listed, found, several at once, by keyboard alone."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Response, expect

from tests.admin.chatting import answers, ask, field, kept, listed, questions, serve_all_kinds, start
from tests.admin.conftest import QWEN, OpenPage
from tests.admin.site import LiveSite
from tests.helpers import wait_until


@pytest.fixture
def served(live: LiveSite, published: Path) -> LiveSite:
    return serve_all_kinds(live, published)


def test_chats_are_kept_listed_searched_renamed_and_deleted(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    ask(page, "Which port has the GPU?")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    expect(page).to_have_url(re.compile(r"\?chat=[0-9a-f]{32}$"))
    expect(listed(page)).to_have_text(["Which port has the GPU?"])
    page.reload()
    expect(answers(page).locator(".answer")).to_have_text("You said: Which port has the GPU?")

    page.get_by_role("button", name="New chat").click()
    expect(answers(page)).to_have_count(0)
    ask(page, "台北的天氣")
    expect(listed(page)).to_have_count(2)
    page.get_by_label("Search chats").fill("said gpu")
    expect(listed(page)).to_have_count(1)
    expect(listed(page).locator("small")).to_contain_text("You said: Which port")
    listed(page).get_by_role("link").click()
    expect(questions(page)).to_have_text(re.compile("Which port"))
    page.get_by_label("Search chats").fill("nowhere said")
    expect(page.locator("#no-chats")).to_have_text("No chat contains these words.")
    page.get_by_label("Search chats").fill("")

    listed(page).first.hover()
    page.get_by_role("button", name="Rename: 台北的天氣").click()
    page.get_by_label("Name", exact=True).fill("Weather")
    page.keyboard.press("Enter")
    expect(listed(page).first).to_have_text("Weather")
    listed(page).first.hover()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as Markdown: Weather").click()
    assert download.value.suggested_filename == "Weather.md"
    text = download.value.path().read_text(encoding="utf-8")
    assert text.startswith("# Weather\n\n## You\n\n台北的天氣\n\n## gpu-OpenVINO/Phi-3")
    page.get_by_role("button", name="Delete: Weather").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(listed(page)).to_have_text(["Which port has the GPU?"])
    page.locator("#history-foot summary").click()
    page.get_by_role("button", name="Delete all…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#no-chats")).to_have_text("Your chats will appear here.")
    expect(answers(page)).to_have_count(0)
    assert kept(served) == []


def test_going_back_opens_the_chat_before(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    ask(page, "one")
    expect(answers(page)).to_contain_text(["one"])
    page.get_by_role("button", name="New chat").click()
    ask(page, "two")
    expect(answers(page)).to_contain_text(["two"])
    page.go_back()
    page.go_back()
    expect(questions(page)).to_contain_text(["one"])


def test_nothing_is_kept_where_that_is_switched_off(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    page.locator("#history-foot summary").click()
    page.get_by_role("switch", name="Save chats on this server").uncheck()
    expect(page.locator("#keep-help")).to_contain_text("New chats stay in this browser tab")
    ask(page, "A secret")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    page.reload()
    expect(answers(page).locator(".answer")).to_have_text("You said: A secret")
    assert kept(served) == []
    assert b"A secret" not in (served.site.data_dir / "chats.db").read_bytes()


def test_several_chats_answer_at_once(served: LiveSite, open_page: OpenPage) -> None:
    served.site.order("gpu", chat={"endless": True})
    page, manners = start(open_page, served)
    manners.expect_errors("ERR_ABORTED")
    ask(page, "endless one")
    expect(answers(page).locator(".answer")).to_contain_text("more more more")
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    served.site.order("gpu")
    ask(page, "short two")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    expect(page.locator(".chat-item[data-running]")).to_have_text(["endless one"])
    page.get_by_role("link", name="endless one").click()
    before = len(answers(page).locator(".answer").inner_text())
    wait_until(lambda: len(answers(page).locator(".answer").inner_text()) > before)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".chat-item[data-running]")).to_have_count(0)


def test_a_model_is_chosen_by_the_address(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(f"{served.url}/playground?model=gpu-{QWEN}")
    expect(field(page)).to_be_enabled()
    expect(page.get_by_label("Model", exact=True)).to_have_value(f"gpu-{QWEN}")


def test_enter_that_ends_a_composition_sends_nothing(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served, language="zh-TW")
    field(page).fill("ㄊㄞ")
    for options in ({"isComposing": True}, {"keyCode": 229}):
        field(page).dispatch_event("keydown", {"key": "Enter", "bubbles": True, "cancelable": True, **options})
    expect(questions(page)).to_have_count(0)
    page.keyboard.press("Shift+Enter")
    expect(field(page)).to_have_value("ㄊㄞ\n")
    page.keyboard.press("Enter")
    expect(questions(page)).to_have_count(1)


def test_a_whole_chat_by_keyboard_alone(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    expect(field(page)).to_be_focused()
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    expect(field(page)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.type(" again")
    page.keyboard.press("Control+Enter")
    expect(answers(page).locator(".answer")).to_have_text("You said: first again")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    questions(page).get_by_role("button", name="Previous version").focus()
    page.keyboard.press("Enter")
    expect(questions(page).locator(".answer")).to_have_text("first")
    page.get_by_role("link", name="first").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Rename chat")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Options", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Preset", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#options")).to_be_hidden()
    expect(page.get_by_role("button", name="Options", exact=True)).to_be_focused()


def test_on_a_phone_the_list_lies_over_the_chat(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served, width=390, language="zh-TW")
    ask(page, "手機上的對話")
    expect(answers(page).locator(".figures")).to_contain_text("7 token")
    expect(page.locator("#history")).to_be_hidden()
    page.get_by_role("button", name="對話清單").click()
    expect(listed(page)).to_have_text(["手機上的對話"])
    page.keyboard.press("Escape")
    expect(page.locator("#history")).to_be_hidden()
    box = page.locator("#composer").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 900
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_chat_after_a_reload_is_a_new_one(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    ask(page, "first")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    expect(listed(page)).to_have_text(["first"])
    page.goto(served.url + "/playground")
    expect(field(page)).to_be_enabled()
    expect(questions(page)).to_have_count(0)
    ask(page, "second")
    expect(listed(page)).to_have_text(["second", "first"])
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")

    def counts() -> list[int]:
        return [len(httpx.get(f"{served.url}/api/chats/{chat['id']}").json()["messages"]) for chat in kept(served)]

    wait_until(lambda: counts() == [2, 2])


def test_the_page_is_light(served: LiveSite, open_page: OpenPage) -> None:
    """At most 400 KB as they are unpacked; what highlights and sets formulas comes with the first of them."""
    page, _ = open_page(served.url + "/models")
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    page.goto(served.url + "/playground")
    expect(field(page)).to_be_enabled()
    page.wait_for_load_state("load")
    loaded = {each.url: len(each.body()) for each in responses if "/api/events" not in each.url}
    assert len(loaded) > 20
    assert sum(loaded.values()) < 400_000, loaded
    assert not [url for url in loaded if "katex" in url or "highlight" in url]

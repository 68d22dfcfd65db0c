"""The playground in a real Chromium, over a stand-in device server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.admin.conftest import PHI, OpenPage
from tests.admin.site import LiveSite, add_model
from tests.helpers import wait_until


@pytest.fixture
def served(live: LiveSite, published: Path) -> LiveSite:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    wait_until(lambda: live.site.suite.status("gpu").state == "running")
    return live


def ask(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def asked(live: LiveSite) -> list[dict[str, Any]]:
    """The bodies that reached the device server."""
    texts = [line.text for line in live.site.suite.log("gpu").tail(1000)]
    return [json.loads(text.partition(" chat ")[2]) for text in texts if " chat {" in text]


def test_a_conversation(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(served.url + "/playground")
    page.get_by_role("button", name="Options", exact=True).click()
    page.get_by_label("System prompt", exact=True).fill("Be brief.")
    page.get_by_label("Temperature").fill("0.2")
    ask(page, "什麼是 OpenVINO？")
    answers = page.locator(".turn[data-role=assistant]")
    expect(answers.first.locator(".answer")).to_have_text("You said: 什麼是 OpenVINO？")
    expect(answers.first.locator(".figures")).to_contain_text("7 tokens")
    ask(page, "And?")
    expect(answers.nth(1).locator(".answer")).to_have_text("You said: And?")
    last = asked(served)[-1]
    assert [message["role"] for message in last["messages"]] == ["system", "user", "assistant", "user"]
    assert (last["model"], last["temperature"], last["stream"]) == (f"gpu-{PHI}", 0.2, True)

    page.reload()
    expect(answers).to_have_count(2)
    page.get_by_role("button", name="Regenerate").last.click()
    expect(answers.nth(1).locator(".answer")).to_have_text("You said: And?")
    assert len(asked(served)) == 3
    page.get_by_role("button", name="New chat").click()
    expect(answers).to_have_count(0)


def test_what_is_typed_before_the_script_has_come(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(served.url)
    held: list[Route] = []
    page.route("**/js/playground.js*", lambda route: held.append(route))
    with page.expect_request("**/js/playground.js*"):
        page.goto(served.url + "/playground", wait_until="commit")
    expect(page.get_by_label("Message", exact=True)).to_be_disabled()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    held[0].continue_()
    ask(page, "What is it?")
    expect(page.locator(".turn[data-role=assistant] .answer")).to_have_text("You said: What is it?")


def test_stop(served: LiveSite, open_page: OpenPage) -> None:
    served.site.order("gpu", chat={"endless": True})
    page, manners = open_page(served.url + "/playground")
    manners.expect_errors("ERR_ABORTED")
    ask(page, "Go on")
    expect(page.locator(".turn[data-role=assistant] .answer")).to_contain_text("more more more")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".figures").last).to_contain_text("stopped")
    expect(page.get_by_role("button", name="Send")).to_be_visible()


def test_markdown_is_shown_and_harmless(served: LiveSite, open_page: OpenPage) -> None:
    text = "\n\n".join(
        (
            "**bold** `code`",
            "```python\nprint(1)\n```",
            "- one",
            "<img src=x onerror=alert(1)><script>alert(1)</script>",
            "[link](javascript:alert(1)) ![far](http://example.com/x.png) [out](https://example.com)",
        )
    )
    served.site.order("gpu", chat={"deltas": [{"reasoning_content": "Let me think."}, {"content": text}]})
    page, _ = open_page(served.url + "/playground")
    ask(page, "Show me")
    answer = page.locator(".turn[data-role=assistant] .answer")
    expect(answer.locator("strong")).to_have_text("bold")
    expect(answer.locator("pre code")).to_have_text("print(1)\n")
    expect(answer).to_contain_text("<script>alert(1)</script>")
    assert answer.locator("img, script, [onerror], a[href^=javascript]").count() == 0
    expect(answer.get_by_role("link", name="out")).to_have_attribute("rel", "noopener noreferrer")
    thinking = page.locator(".thinking").last
    expect(thinking).not_to_have_attribute("open", "")
    thinking.locator("summary").click()
    expect(thinking).to_contain_text("Let me think.")


def test_a_tool_call_is_shown(served: LiveSite, open_page: OpenPage) -> None:
    deltas = [
        {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "weather", "arguments": '{"city":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ' "台北"}'}}]},
    ]
    served.site.order("gpu", chat={"deltas": deltas})
    page, _ = open_page(served.url + "/playground")
    ask(page, "Weather?")
    expect(page.locator(".turn[data-role=assistant] .call h4")).to_have_text("Tool call: weather")
    expect(page.locator(".turn[data-role=assistant] pre")).to_contain_text('"city": "台北"')


def test_errors_are_said(served: LiveSite, open_page: OpenPage) -> None:
    served.site.order("gpu", chat={"error": "There is no memory left for this model."})
    page, manners = open_page(served.url + "/playground")
    manners.expect_errors("503")
    ask(page, "Hello")
    expect(page.locator(".turn-error").last).to_have_text("There is no memory left for this model.")
    httpx.post(f"{served.url}/api/update_config", json={"device": "gpu", "enabled": False}, timeout=30)
    expect(page.get_by_label("Model", exact=True)).to_have_text("No chat model is being served")
    ask(page, "Hello")
    expect(page.locator(".toast")).to_contain_text("No model is being served")


def test_as_code(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(served.url + "/playground")
    page.get_by_label("Message", exact=True).fill("It's 5 o'clock")
    page.get_by_role("button", name="Show as code").click()
    code = page.locator("#code-text")
    port = served.site.suite.status("gpu").port
    expect(code).to_contain_text(f"curl -N http://127.0.0.1:{port}/v1/chat/completions")
    expect(code).to_contain_text("It'\\''s 5 o'\\''clock")
    page.get_by_role("button", name="Python").click()
    compile(code.inner_text(), "snippet", "exec")
    page.get_by_role("button", name="JavaScript").click()
    expect(code).to_contain_text(f'baseURL: "http://127.0.0.1:{port}/v1"')
    page.keyboard.press("Escape")
    expect(code).to_be_hidden()

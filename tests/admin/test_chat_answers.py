"""Answers in a real Chromium: branches, stopping, continuing, blank ones, tools, code, two at once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.admin.chatting import answers, ask, field, questions, sent, serve_all_kinds, start
from tests.admin.conftest import PHI, QWEN, OpenPage
from tests.admin.site import LiveSite


@pytest.fixture
def served(live: LiveSite, published: Path) -> LiveSite:
    return serve_all_kinds(live, published)


def test_an_edited_question_is_a_branch(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    ask(page, "first")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    ask(page, "second")
    expect(answers(page).nth(1).locator(".figures")).to_contain_text("7 tokens")
    questions(page).first.hover()
    questions(page).first.get_by_role("button", name="Edit message").click()
    editor = questions(page).first.get_by_role("textbox", name="Edit message")
    expect(editor).to_be_focused()
    editor.fill("changed")
    page.keyboard.press("Control+Enter")
    expect(answers(page)).to_have_count(1)
    expect(answers(page).locator(".answer")).to_have_text("You said: changed")
    expect(questions(page).locator(".branches span")).to_have_text("2/2")
    expect(answers(page).locator(".branches")).to_be_hidden()
    assert [message["content"] for message in sent(served)[-1]["messages"]] == ["changed"]
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")

    page.reload()
    expect(questions(page).locator(".branches span")).to_have_text("2/2")
    questions(page).get_by_role("button", name="Previous version").click()
    expect(questions(page).locator(".answer")).to_have_text(["first", "second"])
    expect(questions(page).first.locator(".branches span")).to_have_text("1/2")

    answers(page).nth(1).get_by_role("button", name="Regenerate").click()
    expect(answers(page).nth(1).locator(".branches span")).to_have_text("2/2")
    expect(answers(page).nth(1).locator(".figures")).to_contain_text("7 tokens")
    assert [message["content"] for message in sent(served)[-1]["messages"]] == ["first", "You said: first", "second"]
    answers(page).first.get_by_role("button", name="Edit message").click()
    answers(page).first.get_by_role("textbox", name="Edit message").fill("A better answer")
    answers(page).first.get_by_role("button", name="Save").click()
    expect(answers(page).locator(".answer")).to_have_text("A better answer")
    ask(page, "go on")
    expect(answers(page).nth(1).locator(".figures")).to_contain_text("7 tokens")
    assert [message["content"] for message in sent(served)[-1]["messages"]] == ["first", "A better answer", "go on"]


def test_an_answer_is_stopped_and_continued(served: LiveSite, open_page: OpenPage) -> None:
    served.site.order("gpu", chat={"endless": True})
    page, manners = start(open_page, served)
    manners.expect_errors("ERR_ABORTED")
    ask(page, "Go on")
    expect(answers(page).locator(".answer")).to_contain_text("more more more")
    page.keyboard.press("Escape")
    expect(page.locator(".figures").last).to_contain_text("stopped")
    stopped = answers(page).locator(".answer").inner_text()
    served.site.order("gpu", chat={"deltas": [{"content": "and the end."}]})
    answers(page).get_by_role("button", name="Continue").click()
    expect(answers(page).locator(".answer")).to_contain_text("and the end.")
    assert answers(page).locator(".answer").inner_text().startswith(stopped.strip())
    body = sent(served)[-1]
    assert body["continue_final_message"] is True
    assert body["messages"][-1]["content"].strip() == stopped.strip()
    expect(answers(page)).to_have_count(1)
    page.reload()
    expect(answers(page).locator(".answer")).to_contain_text("and the end.")


def test_an_answer_in_whose_middle_the_page_is_left(served: LiveSite, open_page: OpenPage) -> None:
    served.site.order("gpu", chat={"endless": True})
    page, manners = start(open_page, served)
    manners.expect_errors("ERR_", "htmx:sseError")
    ask(page, "Go on")
    expect(answers(page).locator(".answer")).to_contain_text("more more more")
    page.reload()
    expect(answers(page).locator(".answer")).to_contain_text("more more")
    expect(answers(page).locator(".turn-note")).to_contain_text("interrupted")


def test_a_server_that_restarts_is_waited_for(served: LiveSite, open_page: OpenPage) -> None:
    (served.site.data_dir / "once").touch()
    served.site.order("gpu", chat={"die_once": "once"})
    page, _ = start(open_page, served)
    ask(page, "Are you there?")
    expect(answers(page).locator(".answer")).to_have_text("You said: Are you there?")
    assert not (served.site.data_dir / "once").exists()


@pytest.mark.parametrize(
    ("order", "note"),
    [
        ({"deltas": []}, "the model ended at once"),
        ({"deltas": [], "finish": "length"}, "Max tokens (7) was reached before any text"),
        ({"deltas": [{"reasoning_content": "Hm."}], "finish": "length"}, "all 7 tokens went into reasoning"),
        ({"deltas": [{"reasoning_content": "Hm."}]}, "ended after its reasoning"),
        ({"deltas": [{"content": "A part"}], "finish": "length"}, "Press Continue"),
    ],
)
def test_a_blank_or_cut_answer_says_why(
    served: LiveSite, open_page: OpenPage, order: dict[str, Any], note: str
) -> None:
    served.site.order("gpu", chat=order)
    page, _ = start(open_page, served)
    ask(page, "Hello?")
    expect(answers(page).locator(".turn-note")).to_contain_text(note)
    page.reload()
    expect(answers(page).locator(".turn-note")).to_contain_text(note)


def test_tool_results_are_sent_back(served: LiveSite, open_page: OpenPage) -> None:
    calls = [
        {"index": 0, "id": "call_1", "function": {"name": "weather", "arguments": '{"city": "台北"}'}},
        {"index": 1, "id": "call_2", "function": {"name": "time", "arguments": "{}"}},
    ]
    served.site.order("gpu", chat={"deltas": [{"tool_calls": calls}], "finish": "tool_calls"})
    page, _ = start(open_page, served)
    page.get_by_role("button", name="Options", exact=True).click()
    page.locator("#tools-fold summary").click()
    tools = [{"type": "function", "function": {"name": "weather"}}]
    page.get_by_label("Tools (JSON)", exact=True).fill(json.dumps(tools))
    expect(page.locator("#tools-count")).to_have_text("Tools: 1")
    page.get_by_role("button", name="Close options").click()
    expect(page.get_by_role("button", name="Tools: 1")).to_be_visible()
    ask(page, "Weather?")
    page.get_by_label("Result").first.fill('{"temperature": 31}')
    page.get_by_label("Result").nth(1).fill("noon")
    served.site.order("gpu", chat={"deltas": [{"content": "It is hot."}]})
    page.get_by_role("button", name="Send results").click()
    expect(answers(page).last.locator(".answer")).to_have_text("It is hot.")
    body = sent(served)[-1]
    assert body["tools"] == tools
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool", "tool"]
    assert [call["id"] for call in body["messages"][1]["tool_calls"]] == ["call_1", "call_2"]
    assert body["messages"][2:] == [
        {"role": "tool", "tool_call_id": "call_1", "content": '{"temperature": 31}'},
        {"role": "tool", "tool_call_id": "call_2", "content": "noon"},
    ]


def test_broken_tools_are_pointed_out(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    page.get_by_role("button", name="Options", exact=True).click()
    page.locator("#tools-fold summary").click()
    page.get_by_label("Tools (JSON)", exact=True).fill("{")
    page.get_by_role("button", name="Close options").click()
    ask(page, "Hello")
    expect(page.locator("#play-tools-error")).to_contain_text("Tools must be a JSON list")
    expect(questions(page)).to_have_count(0)
    expect(field(page)).to_have_value("Hello")


def test_code_formulas_and_tables(served: LiveSite, open_page: OpenPage) -> None:
    text = "\n\n".join(
        (
            "```python\nprint('one')\n```",
            "Inline $a^2$, \\(b\\) and prices of $5 and $10.",
            "$$\\int_0^1 x\\,dx$$",
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "- [x] done",
        )
    )
    pieces = [{"content": piece} for piece in re.findall(r"(?s).{1,7}", text)]
    served.site.order("gpu", chat={"deltas": pieces, "pause": 0.01})
    page, _ = start(open_page, served)
    ask(page, "Show me")
    answer = answers(page).locator(".answer")
    expect(answer.locator("pre .hljs-built_in")).to_have_text("print")
    expect(answer.locator(".code-head span")).to_have_text("python")
    expect(answer.locator("[data-math=inline] .katex")).to_have_count(2)
    expect(answer.locator("[data-math=block] .katex-display")).to_have_count(1)
    expect(answer).to_contain_text("prices of $5 and $10.")
    expect(answer.locator("table td")).to_have_text(["1", "2"])
    expect(answer).to_contain_text("☑ done")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    answer.get_by_role("button", name="Copy code").click()
    expect(page.locator(".toast")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "print('one')\n"


def test_reasoning_is_folded_and_its_time_told(served: LiveSite, open_page: OpenPage) -> None:
    served.site.order("gpu", chat={"deltas": [{"reasoning_content": "Hm."}] * 4 + [{"content": "Yes."}], "pause": 0.4})
    page, _ = start(open_page, served)
    ask(page, "Well?")
    expect(answers(page).locator(".thinking summary")).to_have_text("Thinking…")
    expect(answers(page).locator(".thinking summary")).to_have_text(re.compile(r"Thought for [12] s"))
    expect(answers(page).locator(".thinking div")).to_be_hidden()


def test_two_models_side_by_side(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    ask(page, "before")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    page.get_by_role("button", name="Compare two models").click()
    expect(page.get_by_label("Second model")).to_have_value(f"gpu-{QWEN}")
    ask(page, "both")
    lanes = page.locator(".lane")
    for number, model in enumerate((PHI, QWEN)):
        expect(lanes.nth(number).locator(".turn[data-role=assistant] .figures").last).to_contain_text("7 tokens")
        expect(lanes.nth(number).locator(".turn-who").last).to_have_text(f"gpu-{model}")
    assert {body["model"] for body in sent(served)[-2:]} == {f"gpu-{PHI}", f"gpu-{QWEN}"}
    for body in sent(served)[-2:]:
        assert [message["content"] for message in body["messages"]] == ["before", "You said: before", "both"]
    page.reload()
    expect(lanes).to_have_count(2)
    expect(lanes.nth(1).locator(".turn")).to_have_count(4)
    page.get_by_role("button", name="Compare two models").click()
    expect(lanes).to_have_count(1)


def test_presets_and_the_library(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    page.get_by_role("button", name="Options", exact=True).click()
    preset = page.get_by_label("Preset", exact=True)
    preset.select_option(label="Translator")
    expect(page.get_by_label("System prompt", exact=True)).to_have_value(re.compile("^Translate"))
    page.get_by_label("Temperature").fill("0.1")
    expect(preset).to_have_value("")
    page.get_by_role("button", name="Save as preset").click()
    page.get_by_label("Name", exact=True).fill("My translator")
    page.keyboard.press("Enter")
    expect(preset.locator("option:checked")).to_have_text("My translator")
    expect(page.get_by_role("button", name="Temperature 0.1")).to_be_visible()
    preset.select_option(label="No preset")
    expect(page.get_by_label("Temperature")).to_have_value("")
    page.reload()
    expect(field(page)).to_be_enabled()
    page.get_by_role("button", name="Options", exact=True).click()
    preset.select_option(label="My translator")
    ask(page, "Hallo")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    body = sent(served)[-1]
    assert body["temperature"] == 0.1
    assert body["messages"][0]["content"].startswith("Translate")
    page.get_by_role("button", name="Delete preset").click()
    expect(page.get_by_role("button", name="Delete preset")).to_be_hidden()
    assert httpx.get(f"{served.url}/api/chat_presets").json() == {"presets": []}

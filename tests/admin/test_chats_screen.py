"""Chats in a real Chromium: kept, found, branched, several at once; files, voice and pictures with them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Response, expect

from tests.admin.browser import Manners
from tests.admin.conftest import PHI, QWEN, OpenPage
from tests.admin.site import LiveSite, add_model
from tests.helpers import wait_until
from tests.model_files.layouts import adapter, make, stable_diffusion, vision_language, whisper
from tests.saved_chats.test_file_text import make_pdf

OTHERS = {
    "org/whisper": whisper, "org/voice": adapter, "org/painter": stable_diffusion, "org/eyes": vision_language
}  # fmt: skip


@pytest.fixture
def served(live: LiveSite, published: Path) -> LiveSite:
    """Two chat models, and one each that sees, hears, speaks and draws."""
    for model in (PHI, QWEN):
        add_model(live.site, model, published)
    for name, layout in OTHERS.items():
        make(layout, live.site.data_dir / "models" / name.replace("/", "_"))
    answer = httpx.post(
        f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI, QWEN, *OTHERS]}, timeout=30
    )
    assert answer.status_code == 200, answer.text
    wait_until(lambda: live.site.suite.status("gpu").state == "running")
    return live


def start(open_page: OpenPage, served: LiveSite, **options: Any) -> tuple[Page, Manners]:
    page, manners = open_page(served.url + "/playground", **options)
    expect(field(page)).to_be_enabled()
    return page, manners


def field(page: Page) -> Locator:
    return page.locator("#prompt")


def ask(page: Page, text: str) -> None:
    field(page).fill(text)
    page.keyboard.press("Enter")


def answers(page: Page) -> Locator:
    return page.locator(".turn[data-role=assistant]")


def questions(page: Page) -> Locator:
    return page.locator(".turn[data-role=user]")


def sent(served: LiveSite, what: str = "chat") -> list[dict[str, Any]]:
    """The bodies that reached the device server."""
    texts = [line.text for line in served.site.suite.log("gpu").tail(1000)]
    return [json.loads(text.partition(f" {what} ")[2]) for text in texts if f" {what} {{" in text]


def kept(served: LiveSite) -> list[dict[str, Any]]:
    return httpx.get(f"{served.url}/api/chats").json()["chats"]


def listed(page: Page) -> Locator:
    return page.locator(".chat-item")


def choose(page: Page, model: str) -> None:
    page.get_by_label("Model", exact=True).select_option(f"gpu-{model}")


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


def test_a_server_that_restarts_is_waited_for(served: LiveSite, open_page: OpenPage) -> None:
    (served.site.data_dir / "once").touch()
    served.site.order("gpu", chat={"die_once": "once"})
    page, _ = start(open_page, served)
    ask(page, "Are you there?")
    expect(answers(page).locator(".answer")).to_have_text("You said: Are you there?")
    assert not (served.site.data_dir / "once").exists()


def test_a_model_is_chosen_by_the_address(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(f"{served.url}/playground?model=gpu-{QWEN}")
    expect(field(page)).to_be_enabled()
    expect(page.get_by_label("Model", exact=True)).to_have_value(f"gpu-{QWEN}")


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
    assert page.evaluate("navigator.clipboard.readText()") == "print('one')\n"


def test_reasoning_is_folded_and_its_time_told(served: LiveSite, open_page: OpenPage) -> None:
    served.site.order("gpu", chat={"deltas": [{"reasoning_content": "Hm."}] * 4 + [{"content": "Yes."}], "pause": 0.4})
    page, _ = start(open_page, served)
    ask(page, "Well?")
    expect(answers(page).locator(".thinking summary")).to_have_text("Thinking…")
    expect(answers(page).locator(".thinking summary")).to_have_text(re.compile(r"Thought for [12] s"))
    expect(answers(page).locator(".thinking div")).to_be_hidden()


def make_picture(page: Page, path: Path, *, width: int = 64, height: int = 64) -> Path:
    page.screenshot(path=path, clip={"x": 0, "y": 0, "width": width, "height": height})
    return path


def test_files_by_button_paste_and_drag(served: LiveSite, open_page: OpenPage, tmp_path: Path) -> None:
    page, _ = start(open_page, served)
    choose(page, "org/eyes")
    (tmp_path / "report.pdf").write_bytes(make_pdf("Invoice 42"))
    picture = make_picture(page, tmp_path / "picture.png")
    page.locator("#image").set_input_files([picture, tmp_path / "report.pdf"])
    expect(page.locator("#images img")).to_be_visible()
    expect(page.locator("#images")).to_contain_text("Pages: 1")
    transfer = page.evaluate_handle(
        """() => { const transfer = new DataTransfer();
        transfer.items.add(new File(["note from the clipboard"], "note.txt", {type: "text/plain"}));
        return transfer; }"""
    )
    field(page).evaluate(
        "(field, files) => field.dispatchEvent(new ClipboardEvent('paste', {clipboardData: files, cancelable: true}))",
        transfer,
    )
    expect(page.locator("#images li")).to_have_count(3)
    page.locator(".chat").dispatch_event("dragenter", {"dataTransfer": transfer})
    expect(page.locator(".chat.dropping")).to_have_count(1)
    page.locator(".chat").dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.locator("#images li")).to_have_count(4)
    expect(page.locator(".chat.dropping")).to_have_count(0)
    page.get_by_role("button", name="Remove note.txt").last.click()
    expect(page.locator("#images li")).to_have_count(3)
    page.get_by_role("button", name=re.compile("report.pdf")).first.click()
    expect(page.locator("#file-text")).to_have_text("Invoice 42")
    page.keyboard.press("Escape")
    ask(page, "What is this?")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    (message,) = sent(served)[-1]["messages"]
    text, image = message["content"]
    assert text["text"] == (
        '<document name="report.pdf">\nInvoice 42\n</document>\n\n'
        '<document name="note.txt">\nnote from the clipboard\n</document>\n\nWhat is this?'
    )
    assert image["image_url"]["url"].startswith("data:image/png;base64,")
    page.reload()
    expect(questions(page).locator(".attached li")).to_have_count(3)
    expect(page.locator("#images li")).to_have_count(0)


def test_large_pictures_are_made_smaller(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    choose(page, "org/eyes")
    page.evaluate(
        """async () => {
        const canvas = Object.assign(document.createElement("canvas"), {width: 4000, height: 2000});
        const pixels = canvas.getContext("2d");
        for (let x = 0; x < 4000; x += 10) { pixels.fillStyle = `hsl(${x} 80% 50%)`; pixels.fillRect(x, 0, 10, 2000); }
        const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
        const transfer = new DataTransfer();
        transfer.items.add(new File([blob], "wide.png", {type: "image/png"}));
        document.getElementById("image").files = transfer.files;
        document.getElementById("image").dispatchEvent(new Event("change"));
        }"""
    )
    image = page.locator("#images img")
    expect(image).to_be_visible()
    assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [1536, 768]


def test_a_bad_file_is_said_and_kills_nothing(served: LiveSite, open_page: OpenPage, tmp_path: Path) -> None:
    page, manners = start(open_page, served)
    manners.expect_errors("422", "400")
    choose(page, "org/eyes")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "program.exe").write_bytes(b"MZ\0\0\1")
    page.locator("#image").set_input_files([tmp_path / "broken.png", tmp_path / "program.exe"])
    expect(page.locator("#images li[data-kind=bad]")).to_have_count(2)
    expect(page.locator("#images")).to_contain_text("no readable text")
    ask(page, "Never mind")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    assert sent(served)[-1]["messages"] == [{"role": "user", "content": "Never mind"}]

    # One that the model refuses: what follows goes without it.
    served.site.order("gpu", chat={"refuse_pictures": True})
    page.locator("#image").set_input_files(make_picture(page, tmp_path / "picture.png"))
    expect(page.locator("#images img")).to_be_visible()
    ask(page, "And this?")
    expect(page.locator(".turn-error").last).to_have_text("The picture is damaged.")
    ask(page, "Still there?")
    expect(answers(page).last.locator(".figures")).to_contain_text("7 tokens")
    assert "image_url" not in json.dumps(sent(served)[-1]["messages"])


def test_attachments_and_drafts_belong_to_their_chat(served: LiveSite, open_page: OpenPage, tmp_path: Path) -> None:
    page, _ = start(open_page, served)
    ask(page, "one")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    (tmp_path / "note.txt").write_text("note", encoding="utf-8")
    page.locator("#image").set_input_files(tmp_path / "note.txt")
    field(page).fill("half a sentence")
    page.get_by_role("button", name="New chat").click()
    expect(page.locator("#images li")).to_have_count(0)
    expect(field(page)).to_have_value("")
    page.get_by_role("link", name="one").click()
    expect(page.locator("#images li")).to_have_count(1)
    expect(field(page)).to_have_value("half a sentence")


def test_a_model_without_eyes_is_not_shown_pictures(served: LiveSite, open_page: OpenPage, tmp_path: Path) -> None:
    page, _ = start(open_page, served)
    page.locator("#image").set_input_files(make_picture(page, tmp_path / "picture.png"))
    expect(page.locator("#images img")).to_be_visible()
    ask(page, "What is this?")
    expect(questions(page).locator(".turn-note")).to_contain_text("cannot see images")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    assert sent(served)[-1]["messages"] == [{"role": "user", "content": "What is this?"}]


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


def test_pictures_are_made_with_progress(served: LiveSite, open_page: OpenPage) -> None:
    served.site.order("gpu", draw={"pause": 0.3})
    page, _ = start(open_page, served)
    choose(page, "org/painter")
    page.get_by_role("button", name="Options", exact=True).click()
    expect(page.get_by_label("System prompt", exact=True)).to_be_hidden()
    page.get_by_label("Size").select_option("512x512")
    page.get_by_label("Steps").fill("4")
    ask(page, "a lighthouse at dawn")
    expect(answers(page).locator(".picture-progress")).to_have_text(re.compile("Step [1-4] of 4"))
    expect(answers(page).locator(".attached img")).to_be_visible()
    expect(answers(page).locator(".picture-progress")).to_be_hidden()
    body = sent(served, "draw")[-1]
    assert (body["prompt"], body["size"], body["steps"], body["stream"]) == ("a lighthouse at dawn", "512x512", 4, True)
    page.reload()
    answers(page).locator(".attached-open").click()
    expect(page.get_by_role("link", name="Save image")).to_have_attribute("download", "picture.png")


def test_answers_are_read_aloud(served: LiveSite, open_page: OpenPage) -> None:
    served.site.order(
        "gpu",
        voices=["af_heart", "zf_xiaobei"],
        chat={"deltas": [{"content": "# Title\n\nHello **there**.\n\n```\ncode\n```"}]},
    )
    page, _ = start(open_page, served)
    page.get_by_role("button", name="Options", exact=True).click()
    page.get_by_label("Voice").select_option("zf_xiaobei")
    ask(page, "Say something")
    button = answers(page).get_by_role("button", name="Read aloud")
    button.click()
    wait_until(lambda: sent(served, "speak"))
    expect(button).to_have_attribute("aria-pressed", "false")
    body = sent(served, "speak")[0]
    assert (body["model"], body["voice"], body["response_format"]) == ("gpu-org/voice", "zf_xiaobei", "pcm")
    assert body["input"].startswith("Title. Hello there.")
    assert "code" not in body["input"]


def test_the_microphone_writes_the_message(served: LiveSite, open_page: OpenPage) -> None:
    page, _ = start(open_page, served)
    field(page).fill("Heard:")
    page.get_by_role("button", name="Speak").click()
    expect(page.locator("#recording")).to_have_text("Recording 1 s")
    page.get_by_role("button", name="Speak").click()
    # A WebM file begins so.
    expect(field(page)).to_have_value(re.compile("^Heard: A audio/webm.* beginning with 1a45dfa3.$"))
    expect(page.locator("#recording")).to_be_hidden()


def test_what_no_model_can_do_is_not_offered(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    wait_until(lambda: live.site.suite.status("gpu").state == "running")
    page, _ = start(open_page, live)
    ask(page, "Hello")
    expect(answers(page).locator(".figures")).to_contain_text("7 tokens")
    expect(page.get_by_role("button", name="Speak")).to_have_count(0)
    expect(page.get_by_role("button", name="Read aloud")).to_have_count(0)
    expect(page.locator("optgroup[label='Image generation']")).to_have_count(0)


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


def test_the_page_is_light(served: LiveSite, open_page: OpenPage) -> None:
    """At most 400 KB as they are unpacked; what highlights and sets formulas comes with the first of them."""
    page, _ = open_page(served.url + "/models")
    responses: list[Response] = []
    page.on("response", responses.append)
    page.goto(served.url + "/playground")
    expect(field(page)).to_be_enabled()
    page.wait_for_load_state("load")
    loaded = {each.url: len(each.body()) for each in responses if "/api/events" not in each.url}
    assert len(loaded) > 20
    assert sum(loaded.values()) < 400_000, loaded
    assert not [url for url in loaded if "katex" in url or "highlight" in url]

"""Files, pictures and sound in the chat, in a real Chromium."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.admin.chatting import answers, ask, choose, field, questions, sent, serve_all_kinds, start
from tests.admin.conftest import PHI, OpenPage
from tests.admin.site import LiveSite, add_model
from tests.helpers import wait_until
from tests.saved_chats.test_file_text import make_pdf


@pytest.fixture
def served(live: LiveSite, published: Path) -> LiveSite:
    return serve_all_kinds(live, published)


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

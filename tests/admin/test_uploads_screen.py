"""Folders and GGUF files that a real Chromium sends: dropped, picked by the keyboard, cut off, cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.admin.conftest import OpenPage
from tests.admin.site import LiveSite, add_model, make_site

BOTH = pytest.mark.parametrize("language", ["en", "zh-TW"])
_PIECES = "**/api/uploads/*path=*"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveSite]:
    with LiveSite(make_site(tmp_path / "資料 夾")) as live:
        yield live


@pytest.fixture
def folder(tmp_path: Path, published: Path) -> Path:
    """With more than one piece, and with what is not sent."""
    folder = add_model(tmp_path / "shelf", "mine/sent", published, size=1_300_000)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("x", encoding="utf-8")
    (folder / "half.bin.part").write_text("x", encoding="utf-8")
    (folder / "inner").mkdir()
    (folder / "inner" / "說明.txt").write_text("你好", encoding="utf-8")
    return folder


def choose(page: Page, button: str, files: Path) -> None:
    page.on("filechooser", lambda _: None)  # without a listener the first one might open as a window of its own
    page.locator("#import summary").focus()
    page.keyboard.press("Enter")
    picker = page.locator(f"[data-pick-files={button}]")
    expect(picker).to_be_visible()
    picker.focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(files)


@BOTH
def test_a_folder_is_picked_by_the_keyboard_and_sent(
    live: LiveSite, folder: Path, open_page: OpenPage, language: str
) -> None:
    page, _ = open_page(f"{live.url}/models", language=language)
    choose(page, "upload-folder", folder)
    expect(page.locator("tr[data-model='mine/sent']")).to_be_visible()
    expect(page.locator(".toast")).to_contain_text("mine/sent")
    expect(page.locator("#uploads li")).to_have_count(0)
    path = live.site.registry.find("mine/sent").path
    assert (path / "openvino_model.bin").read_bytes() == (folder / "openvino_model.bin").read_bytes()
    assert (path / "inner" / "說明.txt").read_text(encoding="utf-8") == "你好"
    assert not (path / ".git").exists()
    assert not (path / "half.bin.part").exists()


def test_what_is_no_model_is_refused_in_words(live: LiveSite, tmp_path: Path, open_page: OpenPage) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF, they said")
    page, manners = open_page(f"{live.url}/models", language="zh-TW")
    manners.expect_errors("422")
    choose(page, "upload-file", tmp_path / "bad.gguf")
    expect(page.locator(".toast[data-tone=bad]")).to_contain_text("bad.gguf")
    expect(page.locator("#uploads li")).to_have_count(0)
    assert live.site.registry.local_models() == []


def test_a_cut_connection_is_tried_again(live: LiveSite, folder: Path, open_page: OpenPage) -> None:
    page, manners = open_page(f"{live.url}/models")
    manners.expect_errors("ERR_FAILED")
    cut: list[str] = []

    def cut_once(route: Route) -> None:
        if route.request.url in cut:
            route.continue_()
            return
        cut.append(route.request.url)
        route.abort()

    page.route(_PIECES, cut_once)
    choose(page, "upload-folder", folder)
    expect(page.locator("tr[data-model='mine/sent']")).to_be_visible(timeout=30_000)
    assert len(cut) > 3


def test_an_upload_is_watched_and_cancelled(live: LiveSite, folder: Path, open_page: OpenPage) -> None:
    page, _ = open_page(f"{live.url}/models")
    held: list[Route] = []
    page.route("**/api/uploads/*offset=500000", lambda route: held.append(route))
    choose(page, "upload-folder", folder)
    row = page.locator("#uploads li")
    expect(row.locator("[data-sent]")).to_contain_text("/ 1.3 MB")
    row.get_by_role("button", name="Cancel the upload of mine_sent").click()
    expect(row).to_have_count(0)
    expect(page.locator(".toast")).to_have_count(0)
    assert live.site.registry.local_models() == []


def test_what_is_dropped_is_sent(live: LiveSite, open_page: OpenPage) -> None:
    page, manners = open_page(f"{live.url}/models")
    manners.expect_errors("422")
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["x"], "holiday.jpg"));
            const event = new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
            document.getElementById("local").dispatchEvent(event);
        }"""
    )
    expect(page.locator(".toast")).to_contain_text("holiday.jpg")

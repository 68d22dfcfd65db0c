"""From the page to a real answer: the whole suite, a real model, a real browser."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.admin.browser import Manners, follow
from tests.support.launch import DEMO_ID, PATIENCE_SECONDS, PROJECT
from tests.support.launch_suite import SuiteProcess

QUESTION = "什麼是 OpenVINO？"
ANSWER = "Intel"


def test_assign_apply_chat_disable(suite: SuiteProcess, browser: Browser) -> None:
    page = browser.new_page(locale="zh-TW")
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    manners = Manners(page)
    page.goto(suite.url)
    card = page.locator("#device-gpu")
    expect(card.locator(".state")).to_have_text("尚未指派模型")
    card.get_by_role("checkbox", name="server-guide").check()
    card.get_by_role("button", name="套用並重啟").click()
    expect(card.locator(".state")).to_have_text("執行中")
    # No machine of the tests has an Intel GPU: the page says what the device runs on instead.
    expect(card.locator(".fallback")).to_contain_text("改用 CPU")

    answer = suite.chat("gpu", DEMO_ID, QUESTION)
    assert answer.status_code == 200, answer.text
    assert ANSWER in answer.json()["choices"][0]["message"]["content"]
    expect(card.locator(".run")).to_contain_text("就緒")
    expect(card.locator(".run")).to_contain_text("1 個實例")

    page.get_by_role("button", name=f"卸載 {DEMO_ID}").click()
    expect(card.locator(".run")).to_contain_text("未載入")
    page.get_by_role("button", name=f"載入 {DEMO_ID}").click()
    expect(card.locator(".run")).to_contain_text("1 個實例")

    follow(page.get_by_role("link", name="試聊"))
    page.get_by_role("button", name="對話選項", exact=True).click()
    page.get_by_label("溫度").fill("0")
    page.get_by_label("訊息", exact=True).fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".turn[data-role=assistant] .answer")).to_contain_text(ANSWER)
    expect(page.locator(".turn[data-role=assistant] .figures")).to_contain_text("首字")

    follow(page.get_by_role("link", name="設備管理"))
    card.get_by_role("switch").uncheck()
    card.get_by_role("button", name="套用並重啟").click()
    expect(card.locator(".state")).to_have_text("已停用")
    with pytest.raises(httpx.ConnectError):
        suite.chat("gpu", DEMO_ID, QUESTION)
    manners.check()


def test_an_image_reaches_a_vision_model(suite: SuiteProcess, browser: Browser, tmp_path: Path) -> None:
    directory = PROJECT / "tests" / "models" / "test_vision"
    body = {"path": str(directory), "model_id": "test/vision", "mode": "reference"}
    httpx.post(f"{suite.url}/api/import_model", json=body, timeout=PATIENCE_SECONDS).raise_for_status()
    suite.assign("gpu", ["test/vision"])
    page = browser.new_page(locale="en")
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    manners = Manners(page)
    page.goto(f"{suite.url}/playground")
    page.get_by_role("button", name="Options", exact=True).click()
    page.get_by_label("Max tokens").fill("4")
    picture = tmp_path / "picture.png"
    page.screenshot(path=picture, clip={"x": 0, "y": 0, "width": 64, "height": 64})
    page.locator("#image").set_input_files(picture)
    expect(page.locator("#images img")).to_be_visible()
    page.get_by_label("Message", exact=True).fill("What is this?")
    page.keyboard.press("Enter")
    expect(page.locator(".turn[data-role=user] img")).to_be_visible()
    expect(page.locator(".turn[data-role=assistant] .figures")).to_contain_text("tokens/s")
    expect(page.locator(".turn[data-role=assistant] .turn-error")).to_be_hidden()
    page.close()
    manners.check()

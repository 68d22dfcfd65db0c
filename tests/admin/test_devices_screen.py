"""The devices' screen in a real Chromium, over stand-in device servers."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.admin.browser import follow
from tests.admin.conftest import PHI, QWEN, OpenPage
from tests.admin.site import LiveSite, add_model


@pytest.mark.parametrize(
    ("language", "apply", "running", "disabled"),
    [("zh-TW", "套用並重啟", "執行中", "已停用"), ("en", "Apply and restart", "Running", "Disabled")],
)
def test_assign_apply_disable(
    live: LiveSite, published: Path, open_page: OpenPage, language: str, apply: str, running: str, disabled: str
) -> None:
    add_model(live.site, PHI, published)
    page, _ = open_page(live.url, language=language)
    card = page.locator("#device-gpu")
    card.get_by_role("checkbox", name="Phi-3-medium").check()
    expect(card.locator(".unsaved")).to_be_visible()
    card.get_by_role("button", name=apply).click()
    expect(card.locator(".state")).to_have_text(running)
    expect(card.locator(".hardware")).to_contain_text("Stand-in")
    expect(card.locator(".unsaved")).to_be_hidden()
    expect(page.locator("#unit-gpu .dot")).to_have_attribute("data-stage", "running")
    document = json.loads(live.site.store.path.read_text(encoding="utf-8"))
    assert [model["id"] for model in document["gpu"]["models"]] == [PHI]

    card.get_by_role("switch").uncheck()
    card.get_by_role("button", name=apply).click()
    expect(card.locator(".state")).to_have_text(disabled)
    page.reload()
    expect(card.locator(".state")).to_have_text(disabled)
    expect(card.get_by_role("checkbox", name="Phi-3-medium")).to_be_checked()


def test_live_updates_keep_what_is_not_applied(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    add_model(live.site, QWEN, published)
    page, _ = open_page(live.url)
    card = page.locator("#device-gpu")
    mine = card.get_by_role("checkbox", name="Phi-3-medium")
    mine.check()
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [QWEN]}, timeout=30)
    expect(card.locator(".state")).to_have_text("Running")
    expect(card.get_by_text("Not loaded")).to_be_visible()
    expect(mine).to_be_checked()
    expect(card.locator(".unsaved")).to_be_visible()

    card.get_by_role("button", name="Undo").click()
    expect(mine).not_to_be_checked()
    expect(card.get_by_role("checkbox", name="Qwen3-8B")).to_be_checked()
    expect(card.locator(".unsaved")).to_be_hidden()


def test_settings_of_a_model(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "npu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url, view="advanced")
    card = page.locator("#device-npu")
    card.get_by_text("Settings", exact=True).click()
    card.get_by_label("Concurrent requests").fill("3")
    card.get_by_label("Max prompt length").fill("2048")
    card.get_by_label("Pipeline", exact=True).select_option(label="One request at a time (LLMPipeline)")
    card.get_by_role("button", name="Apply and restart").click()
    expect(card.locator(".unsaved")).to_be_hidden()
    expect(card.locator(".tuning")).to_have_attribute("open", "")
    [model] = json.loads(live.site.store.path.read_text(encoding="utf-8"))["npu"]["models"]
    assert (model["max_concurrent"], model["max_prompt_len"], model["pipeline"]) == (3, 2048, "llm_pipeline")
    assert (model["idle_timeout"], model["max_total_memory_gb"]) == (300, None)


@pytest.mark.parametrize(
    ("language", "settings", "exact"), [("zh-TW", "模型設定", "精確"), ("en", "Settings", "Exact")]
)
def test_exact_answers_are_a_choice(
    live: LiveSite, published: Path, open_page: OpenPage, language: str, settings: str, exact: str
) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url, language=language, view="advanced")
    card = page.locator("#device-gpu")
    card.get_by_text(settings, exact=True).click()
    card.locator("select[name=precision]").select_option(label=exact)
    card.locator("button.apply").click()
    expect(card.locator(".unsaved")).to_be_hidden()
    (model,) = json.loads(live.site.store.path.read_text(encoding="utf-8"))["gpu"]["models"]
    assert model["precision"] == "exact"


def test_load_and_unload(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url)
    run = page.locator("#device-gpu .run")
    page.get_by_role("button", name=f"Load {PHI}").click()
    expect(run).to_contain_text("1 instance")
    page.get_by_role("button", name=f"Unload {PHI}").click()
    expect(run).to_contain_text("Not loaded")


def test_a_failure_shows_its_last_log_lines(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    live.site.order("gpu", refuse_to_start="openvino_model.bin is cut short")
    page, _ = open_page(live.url)
    card = page.locator("#device-gpu")
    card.get_by_role("checkbox", name="Phi-3-medium").check()
    card.get_by_role("button", name="Apply and restart").click()
    expect(card.locator(".state")).to_have_text("Failed")
    expect(card.locator(".failure pre")).to_contain_text("openvino_model.bin is cut short")
    follow(card.get_by_role("link", name="Open full log"))
    expect(page.locator("#log")).to_contain_text("openvino_model.bin is cut short")


def test_a_server_that_dies_and_comes_back(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url)
    card = page.locator("#device-gpu")
    expect(card.locator(".state")).to_have_text("Running")
    pid = live.site.suite.status("gpu").pid
    assert pid is not None
    _kill(pid)
    expect(card).to_contain_text("restarted 1 time")
    expect(card.locator(".state")).to_have_text("Running")


def test_a_refusal_is_shown_where_it_happened(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    page, manners = open_page(live.url)
    manners.expect_errors("409")
    live.site.store.path.write_text("{", encoding="utf-8")
    expect(page.locator("#notice")).to_contain_text("The configuration is invalid")
    card = page.locator("#device-gpu")
    card.get_by_role("checkbox", name="Phi-3-medium").check()
    card.get_by_role("button", name="Apply and restart").click()
    expect(card.locator(".assign .form-error:visible")).to_contain_text("device_config.json")
    expect(card.get_by_role("checkbox", name="Phi-3-medium")).to_be_checked()


def test_keyboard_only(live: LiveSite, published: Path, open_page: OpenPage) -> None:
    add_model(live.site, PHI, published)
    page, _ = open_page(live.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    box = page.locator("#device-gpu").get_by_role("checkbox", name="Phi-3-medium")
    for _ in range(20):
        page.keyboard.press("Tab")
        if box.evaluate("box => box === document.activeElement"):
            break
    expect(box).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("#device-gpu .state")).to_have_text("Running")
    expect(box).to_be_focused()


def test_copy_the_address(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(live.url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy address of GPU").click()
    expect(page.locator(".toast")).to_have_text("Copied.")
    port = live.site.suite.status("gpu").port
    assert page.evaluate("navigator.clipboard.readText()") == f"http://127.0.0.1:{port}"


def _kill(pid: int) -> None:
    import psutil

    psutil.Process(pid).kill()


@pytest.mark.parametrize(
    ("language", "settings", "choice"),
    [("zh-TW", "模型設定", "8 位元：每 1,000 個 token"), ("en", "Settings", "8 bits: ")],
)
def test_the_precision_of_the_kv_cache_is_chosen_with_its_memory_in_view(
    live: LiveSite, published: Path, open_page: OpenPage, language: str, settings: str, choice: str
) -> None:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url, language=language, view="advanced")
    card = page.locator("#device-gpu")
    card.get_by_text(settings, exact=True).click()
    select = card.locator("select[name=kv_cache_precision]")
    labels = select.locator("option").all_inner_texts()
    sizes = [int(label.rpartition(" kB")[0].split()[-1].partition(".")[0]) for label in labels[1:]]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3
    assert labels[2].startswith(choice)

    select.select_option("int8")
    card.locator("button.apply").click()
    expect(card.locator(".unsaved")).to_be_hidden()
    (model,) = json.loads(live.site.store.path.read_text(encoding="utf-8"))["gpu"]["models"]
    assert model["kv_cache_precision"] == "int8"


@pytest.mark.parametrize(
    ("language", "text"), [("zh-TW", "正在編譯核心程式，僅第一次需要"), ("en", "Compiling kernels (first load only)")]
)
def test_a_first_load_says_that_it_compiles_and_for_how_long(
    live: LiveSite, published: Path, open_page: OpenPage, language: str, text: str
) -> None:
    add_model(live.site, PHI, published)
    loading = {"state": "loading", "loading_since": time.time() - 75, "compiling": True}
    live.site.order("gpu", states={PHI: loading})
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    page, _ = open_page(live.url, language=language)
    run = page.locator("#device-gpu .run")
    expect(run).to_contain_text(text)
    clock = run.locator("elapsed-time").evaluate("element => element.shadowRoot.textContent")
    assert clock.startswith("1 ")  # a minute, and some seconds

    live.site.order("gpu", states={PHI: {"state": "ready", "loading_since": None, "compiling": False}})
    expect(run).not_to_contain_text(text)
    expect(run.locator("elapsed-time")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "told"), [("en", "26.2K of the 32.8K tokens"), ("zh-TW", "32.8K 個 token 中的 26.2K 個")]
)
def test_a_conversation_that_nearly_fills_the_cache_is_told_of(
    live: LiveSite, published: Path, open_page: OpenPage, language: str, told: str
) -> None:
    add_model(live.site, PHI, published)
    live.site.order(
        "gpu",
        states={PHI: {"state": "ready", "instances": 1, "longest_conversation": 26_214}},
        memory={"models": [{"id": PHI, "kv_cache_tokens": 32_768}]},
    )
    body = {"device": "gpu", "models": [PHI]}
    httpx.post(f"{live.url}/api/update_config", json=body, timeout=30).raise_for_status()
    page, _ = open_page(live.url, language=language)
    expect(page.locator("#device-gpu .run")).to_contain_text(told)

"""The activity screen: what runs, what has ended, in each tab and after a reload."""

from __future__ import annotations

from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.admin.conftest import PHI, OpenPage
from tests.admin.site import LiveSite, add_model
from tests.helpers import http


@pytest.fixture
def serving(live: LiveSite, published: Path) -> LiveSite:
    add_model(live.site, PHI, published)
    httpx.post(f"{live.url}/api/update_config", json={"device": "gpu", "models": [PHI]}, timeout=30)
    return live


def ask(live: LiveSite, text: str, agent: str = "Test/1.0") -> httpx.Response:
    url = f"http://127.0.0.1:{live.site.suite.status('gpu').port}/v1/chat/completions"
    body = {"model": f"gpu-{PHI}", "messages": [{"role": "user", "content": text}]}
    return httpx.post(url, json=body, headers={"user-agent": agent}, timeout=30)


def rows(page: Page):
    return page.locator("#activity-rows tr:visible")


@pytest.mark.parametrize(
    ("language", "completed", "none"), [("zh-TW", "完成", "還沒有"), ("en", "Completed", "No requests")]
)
def test_requests_appear_and_survive_a_reload(
    serving: LiveSite, open_page: OpenPage, language: str, completed: str, none: str
) -> None:
    page, _ = open_page(serving.url + "/activity", language=language)
    expect(page.locator("#activity-none")).to_contain_text(none)
    answer = ask(serving, "hello")
    for _ in range(2):
        expect(rows(page)).to_have_count(1)
        expect(rows(page)).to_contain_text("Phi-3-medium")
        expect(rows(page)).to_contain_text("11 → 2")
        expect(rows(page)).to_contain_text(completed)
        page.reload()
    page.locator("[data-details]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(answer.headers["x-request-id"])
    expect(dialog).not_to_contain_text("hello")


def test_filters_and_pause(serving: LiveSite, open_page: OpenPage) -> None:
    serving.site.order("gpu", chat={"error": "no memory left"})
    ask(serving, "one", agent="Faulty/2")
    serving.site.order("gpu")
    ask(serving, "two")
    page, _ = open_page(serving.url + "/activity")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Result", exact=True).select_option("failed")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Faulty")
    expect(rows(page)).to_contain_text("503")
    page.get_by_label("Result", exact=True).select_option("")
    page.get_by_label("Search model").fill("nobody")
    expect(rows(page)).to_have_count(0)
    page.get_by_label("Search model").fill("")
    page.get_by_role("button", name="Pause").click()
    ask(serving, "three")
    expect(page.locator("#activity-count")).to_contain_text("Paused")
    expect(rows(page)).to_have_count(2)
    page.get_by_role("button", name="Follow").click()
    expect(rows(page)).to_have_count(3)


def test_a_running_request_counts_and_is_lost_with_its_server(serving: LiveSite, open_page: OpenPage) -> None:
    serving.site.order("gpu", chat={"endless": True})
    page, _ = open_page(serving.url + "/activity")
    port = serving.site.suite.status("gpu").port
    body = {"model": f"gpu-{PHI}", "messages": [{"role": "user", "content": "go on"}]}
    with httpx.stream("POST", f"http://127.0.0.1:{port}/v1/chat/completions", json=body, timeout=30):
        running = page.locator("#running-rows tr")
        expect(running).to_contain_text("Running")
        tokens = running.locator("td").nth(3)
        first = tokens.inner_text()
        expect(tokens).not_to_have_text(first)
        pid = serving.site.suite.status("gpu").pid
        assert pid is not None
        psutil.Process(pid).kill()
        expect(running).to_have_count(0)
        expect(rows(page)).to_contain_text("Server stopped")


def test_texts_are_shown_where_they_are_kept(serving: LiveSite, open_page: OpenPage) -> None:
    change = {"device": "gpu", "limits": {"keep_prompts": True}}
    httpx.post(f"{serving.url}/api/update_config", json=change, timeout=30).raise_for_status()
    ask(serving, "<b>remember me</b>")
    page, _ = open_page(serving.url + "/activity")
    page.locator("[data-details]").click()
    expect(page.get_by_role("dialog").locator("pre").first).to_have_text("<b>remember me</b>")
    answer = http.get(f"{serving.url}/api/activity").json()
    assert answer["ended"][0]["prompt"] == "<b>remember me</b>"

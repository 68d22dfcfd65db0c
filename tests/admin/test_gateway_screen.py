"""The gateway's page, in a real browser and over real processes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.admin.conftest import PHI, OpenPage
from tests.admin.site import LiveSite, add_model
from tests.helpers import wait_until
from tests.support.ports import free_port


def test_one_click_switches_it_on_and_off(live: LiveSite, open_page: OpenPage) -> None:
    page, _ = open_page(f"{live.url}/gateway")
    expect(page.locator("#gateway .state")).to_contain_text("Disabled")
    port = free_port()
    page.locator("#gateway-port").fill(str(port))
    page.get_by_role("switch", name="Gateway on").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#gateway .state")).to_contain_text("Running")
    expect(page.locator("#unit-gateway")).to_contain_text(str(port))
    assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).text == "Ollama is running"
    page.get_by_role("switch", name="Gateway on").uncheck()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#gateway .state")).to_contain_text("Disabled")
    expect(page.locator("#unit-gateway")).to_have_count(0)


@pytest.mark.parametrize(("language", "removal"), [("en", "Delete alias chat"), ("zh-TW", "刪除別名 chat")])
def test_aliases_are_kept_and_removed(
    live: LiveSite, published: Path, open_page: OpenPage, language: str, removal: str
) -> None:
    add_model(live.site, PHI, published)
    for device in ("gpu", "npu"):
        httpx.post(f"{live.url}/api/update_config", json={"device": device, "models": [PHI]}, timeout=30)
    page, _ = open_page(f"{live.url}/gateway", language=language, width=390)
    page.locator("#alias-name").fill("chat")
    page.locator("#alias-model").fill(f"npu-{PHI}")
    page.locator("#alias-fallback").fill(f"gpu-{PHI}")
    page.locator("#alias-temperature").fill("0.25")
    page.locator("#alias-system").fill("簡短回答。")
    page.locator(".alias-form .button").click()
    expect(page.locator("#aliases")).to_contain_text(f"npu-{PHI}")
    alias = live.site.suite.gateway_store.load().aliases["chat"]
    assert (alias.model, alias.fallback, alias.system) == (f"npu-{PHI}", [f"gpu-{PHI}"], "簡短回答。")
    assert alias.parameters == {"temperature": 0.25}
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name=removal).click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#aliases li")).to_have_count(0)
    assert live.site.suite.gateway_store.load().aliases == {}


def test_the_snippets_use_the_one_address_while_it_is_on(live: LiveSite, open_page: OpenPage) -> None:
    port = free_port()
    httpx.post(f"{live.url}/api/gateway", json={"enabled": True, "port": port}, trust_env=False).raise_for_status()
    wait_until(lambda: live.site.suite.gateway.status().state == "running")
    page, _ = open_page(f"{live.url}/logs?device=gateway")
    expect(page.locator("#log")).to_contain_text("started on port")

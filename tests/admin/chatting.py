"""A site with models of all kinds that a chat uses, and what its tests do again and again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.admin.browser import Manners
from tests.admin.conftest import PHI, QWEN, OpenPage
from tests.admin.site import LiveSite, add_model
from tests.helpers import wait_until
from tests.model_files.layouts import adapter, make, stable_diffusion, vision_language, whisper

OTHERS = {
    "org/whisper": whisper, "org/voice": adapter, "org/painter": stable_diffusion, "org/eyes": vision_language
}  # fmt: skip


def serve_all_kinds(live: LiveSite, published: Path) -> LiveSite:
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

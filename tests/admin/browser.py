"""A Chromium that minds the page's manners: console errors, policy violations and foreign requests are failures."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from typing import TypedDict
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, sync_playwright

from bootstrap import BROWSERS

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--use-fake-device-for-media-stream",  # a microphone, which may be used without a question
    "--use-fake-ui-for-media-stream",
)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**installed_browser(), args=ARGUMENTS)
        yield browser
        browser.close()


class InstalledBrowser(TypedDict, total=False):
    """Which browser `playwright.chromium.launch` is to start."""

    executable_path: str
    channel: str


def installed_browser() -> InstalledBrowser:
    """The one that CHROMIUM names, or the system's: Edge on Windows. Without one, playwright's own."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is not None:
        return {"executable_path": path}
    return {"channel": "msedge"} if sys.platform == "win32" else {}


def follow(element: Locator) -> None:
    """Click what leads to another page, or to this one anew, and wait until its scripts have run: before, nothing
    hears a click."""
    with element.page.expect_event("load"):
        element.click()


class Manners:
    """Watches one page. `expect_errors` lists parts of console messages that a test provokes on purpose."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.expected: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("request", self._on_request)

    def expect_errors(self, *parts: str) -> None:
        self.expected.extend(parts)

    def check(self) -> None:
        unexpected = [line for line in self.complaints if not any(part in line for part in self.expected)]
        assert not unexpected, unexpected

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in LOOPBACK:
            self.complaints.append(f"left the machine: {request.url}")

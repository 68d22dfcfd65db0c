"""Photograph every screen of the admin page: both languages, light and dark, 390 and 1440 pixels wide.

    python tools/screenshots.py OUTPUT [--url http://127.0.0.1:11437] [--only overview] [--fold]

Without --url a staged server is photographed: stand-in device servers over example models, so that every state is there
on any machine.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SCREENS = {
    "overview": "/",
    "models": "/models",
    "get": "/get",
    "playground": "/playground",
    "gateway": "/gateway",
    "activity": "/activity",
    "charts": "/activity/charts",
    "bench": "/activity/bench",
    "logs": "/logs",
    "connect": "/connect",
    "doctor": "/doctor",
    "settings": "/settings",
}
WIDTHS = {390: 844, 1440: 900}
CHROMIUM_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


@dataclass(frozen=True)
class Look:
    screen: str
    language: str
    theme: str
    width: int

    @property
    def name(self) -> str:
        return f"{self.screen}-{self.language}-{self.theme}-{self.width}.png"


def main() -> None:
    options = parse_arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    looks = [
        Look(*values)
        for values in itertools.product(SCREENS, ("zh-TW", "en"), ("light", "dark"), WIDTHS)
        if options.only in (None, values[0])
    ]
    with contextlib.ExitStack() as stack:
        url = options.url or stack.enter_context(staged_server())
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=options.chromium, args=CHROMIUM_ARGUMENTS)
        for look in looks:
            photograph(browser, url, look, options.output, whole=not options.fold)
            print(look.name)
        browser.close()


def photograph(browser: Browser, url: str, look: Look, output: Path, *, whole: bool) -> None:
    context = browser.new_context(viewport={"width": look.width, "height": WIDTHS[look.width]}, reduced_motion="reduce")
    context.add_cookies(
        [
            {"name": name, "value": value, "url": url}
            for name, value in (("language", look.language), ("theme", look.theme))
        ]
    )
    page = context.new_page()
    page.goto(url + SCREENS[look.screen])
    page.locator("#link[data-link=live]").wait_for()
    page.wait_for_load_state("load")
    if look.screen == "playground":
        page.locator("[data-starter]").first.click()
        page.locator(".turn[data-role=assistant] [data-turn=again]:visible").wait_for()
    page.screenshot(path=output / look.name, full_page=whole)
    context.close()


@contextlib.contextmanager
def staged_server() -> Iterator[str]:
    from tests.admin.stage import staged_site

    with tempfile.TemporaryDirectory() as folder, staged_site(Path(folder)) as live:
        yield live.url


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--url", help="a server that runs already")
    parser.add_argument("--only", choices=SCREENS)
    parser.add_argument("--fold", action="store_true", help="only what a window shows without scrolling")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    return parser.parse_args()


if __name__ == "__main__":
    main()

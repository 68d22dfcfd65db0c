"""Downloads that keep to a limit, and that say when they end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from model_registry import HubSettings
from tests.admin.conftest import QWEN, OpenPage
from tests.admin.site import LiveSite, make_site
from tests.helpers import wait_until
from tests.hub import TestHub

# A page in the background, in a browser that has been asked; what it would tell of is kept in a list.
BACKGROUND = """
window.told = [];
window.Notification = class {
    static permission = "default";
    static async requestPermission() { return (Notification.permission = "granted"); }
    constructor(title, { body }) { told.push(body); }
    close() {}
};
Object.defineProperty(document, "hidden", { get: () => true });
"""


@pytest.fixture
def hub(published: Path, tmp_path: Path) -> Iterator[TestHub]:
    """Its model takes half a minute at the limit."""
    folder = shutil.copytree(published, tmp_path / "large")
    with (folder / "openvino_model.bin").open("ab") as file:
        file.write(bytes(300_000))
    with TestHub() as hub:
        hub.add_model(QWEN, folder)
        yield hub


@pytest.fixture
def live(tmp_path: Path, hub: TestHub) -> Iterator[LiveSite]:
    with LiveSite(make_site(tmp_path / "資料 夾", hub=HubSettings(hub.url))) as live:
        yield live


@pytest.mark.parametrize(
    ("language", "ask", "ready"),
    [("en", "Notify me", f"{QWEN} is downloaded."), ("zh-TW", "下載結束時通知我", f"{QWEN} 已下載完成。")],
)
def test_a_page_in_the_background_tells_of_downloads_that_end(
    live: LiveSite, hub: TestHub, open_page: OpenPage, language: str, ask: str, ready: str
) -> None:
    page, _ = open_page(live.url + "/settings", language=language)
    page.add_init_script(BACKGROUND)
    page.reload()
    page.locator("#link[data-link=live]").wait_for()
    button = page.get_by_role("button", name=ask)
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_be_hidden()
    reached, release = hub.faults.hold("openvino_model.bin", at=8 * 1024)
    httpx.post(f"{live.url}/api/pull_model", json={"model_id": QWEN}, timeout=30)
    assert reached.wait(30)
    page.wait_for_timeout(700)  # it has been seen under way
    release.set()
    wait_until(lambda: page.evaluate("told") == [ready])


def test_a_limit_holds_for_a_download_that_runs(live: LiveSite, hub: TestHub) -> None:
    """It is set while a download runs, which then goes on slower; without it, on as before."""

    def job() -> dict:
        return httpx.get(f"{live.url}/api/pull_jobs", timeout=30).json()["jobs"][0]

    reached, release = hub.faults.hold("openvino_model.bin", at=8 * 1024)
    httpx.post(f"{live.url}/api/pull_model", json={"model_id": QWEN}, timeout=30)
    assert reached.wait(30)
    answer = httpx.post(f"{live.url}/api/hub", json={"speed_limit_mb": 0.01}, timeout=30)
    assert answer.json()["speed_limit_mb"] == 0.01
    wait_until(lambda: job()["state"] != "queued")  # the quick one has ended
    release.set()
    wait_until(lambda: job()["state"] == "downloading" and job()["bytes_per_second"])
    assert job()["bytes_per_second"] < 200_000
    assert httpx.post(f"{live.url}/api/hub", json={"speed_limit_mb": 0}, timeout=30).json()["speed_limit_mb"] is None
    wait_until(lambda: job()["state"] == "ready")

"""The switch for the local network: it makes a key where there is none, is written down, and starts the suite anew."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from admin.pages.lan import login_link
from configuration.device_config import ConfigStore, Configuration, DeviceSettings
from configuration.gateway_config import GATEWAY_FILE, GatewaySettings, GatewayStore
from configuration.server_config import SERVER_CONFIG_FILE, change_server_config, read_server_config
from keys.sessions import SESSION_COOKIE
from supervision.python import python_environment
from tests.admin.conftest import OpenPage
from tests.admin.site import PROJECT, STAND_IN, LiveSite, Site
from tests.helpers import INTERRUPTIBLE, interrupt, wait_until
from tests.support.ports import free_port

START = """
import sys, main
sys.exit(main.main(sys.argv[2:], server_program=(sys.executable, sys.argv[1])))
"""


def test_other_fields_of_the_file_stay(tmp_path: Path) -> None:
    (tmp_path / SERVER_CONFIG_FILE).write_text('{"max_body_mb": 5}', encoding="utf-8")
    assert change_server_config(tmp_path, lan=True).lan
    config = read_server_config(tmp_path)
    assert (config.max_body_mb, config.lan) == (5, True)
    assert (config.host(None), config.host("10.0.0.1")) == ("0.0.0.0", "10.0.0.1")


async def test_the_first_key_is_made_and_the_browser_let_in(site: Site, client: httpx.AsyncClient) -> None:
    GatewayStore(site.data_dir / GATEWAY_FILE).change(lambda _: GatewaySettings())
    restarted: list[bool] = []
    site.app.state.restart = lambda: restarted.append(True)
    made = await client.post("/api/lan", json={"enabled": True})
    assert made.json()["secret"].startswith("ovk-")
    assert SESSION_COOKIE in made.cookies
    assert read_server_config(site.data_dir).lan
    assert GatewayStore(site.data_dir / GATEWAY_FILE).current().host == "0.0.0.0"
    again = await client.post("/api/lan", json={"enabled": False})  # with the cookie
    assert again.json() == {"enabled": False, "secret": None, "qr": None}
    assert not read_server_config(site.data_dir).lan
    assert GatewayStore(site.data_dir / GATEWAY_FILE).current().host == "127.0.0.1"


async def test_a_broken_file_is_not_replaced(site: Site, client: httpx.AsyncClient) -> None:
    path = site.data_dir / SERVER_CONFIG_FILE
    path.write_text("{", encoding="utf-8")
    answer = await client.post("/api/lan", json={"enabled": True}, headers={"Cookie": "language=zh-TW"})
    assert answer.status_code == 409
    assert "server_config.json" in answer.json()["error"]["message"]
    assert path.read_text(encoding="utf-8") == "{"


def test_a_phone_logs_in_with_what_the_code_says(live: LiveSite, open_page: OpenPage) -> None:
    secret = httpx.post(f"{live.url}/api/keys", json={"name": "a", "scopes": ["admin"]}, timeout=30).json()["secret"]
    page, _ = open_page(login_link(live.url, secret), width=390, wait=False)
    expect(page).to_have_url(live.url + "/login")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Devices")


@pytest.mark.parametrize(
    ("language", "switch", "yes"), [("en", "Allow access", "Allow and restart"), ("zh-TW", "允許區域", "允許並重啟")]
)
def test_the_suite_starts_again_and_the_page_goes_on(
    tmp_path: Path, open_page: OpenPage, language: str, switch: str, yes: str
) -> None:
    """By keyboard alone, to the end: the real server, its key, its QR code, and back."""
    data_dir = tmp_path / "資料 夾"
    data_dir.mkdir()
    ConfigStore(data_dir / "device_config.json").save(
        Configuration(devices={"cpu": DeviceSettings(port=free_port(), device="CPU")})
    )
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(STAND_IN), "--data-dir", str(data_dir), "--port", "0"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        env=python_environment({**os.environ, "PYTHONUTF8": "1"}),
        creationflags=INTERRUPTIBLE,
    )
    try:
        assert process.stdout is not None
        url = next(line.split()[-1] for line in process.stdout if "manage" in line)
        page, manners = open_page(url + "/settings", language=language)
        manners.expect_errors("ERR_", "htmx:sseError", "401")
        page.get_by_role("switch", name=re.compile(switch)).focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name=yes).focus()
        page.keyboard.press("Enter")
        dialog = page.locator("#key-dialog")
        expect(dialog.locator("#key-secret")).to_contain_text("ovk-")
        secret = dialog.locator("#key-secret").inner_text()
        page.keyboard.press("Escape")
        page.locator("#lan-switch[checked]").wait_for()  # as the server that has started again says
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
        assert httpx.get(f"{url}/api/status", timeout=30).status_code == 401
        header = {"Authorization": f"Bearer {secret}"}
        assert httpx.get(f"{url}/api/status", headers=header, timeout=30).status_code == 200
        for address in page.locator(".lan-pages code").all_inner_texts():
            assert httpx.get(f"{address}/health", timeout=30).status_code == 200
        page.locator("#lan-switch").focus()
        page.keyboard.press("Space")
        page.locator("#confirm-yes").focus()
        page.keyboard.press("Enter")
        wait_until(lambda: not json.loads((data_dir / SERVER_CONFIG_FILE).read_bytes())["lan"])
        page.locator("#lan-switch:not([checked]):not([disabled])").wait_for()
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
        assert process.poll() is None
    finally:
        interrupt(process)
        process.communicate(timeout=60)

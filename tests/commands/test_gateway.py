"""Switching the gateway from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from configuration.gateway_config import GATEWAY_FILE, GatewayStore
from supervision.run_file import announced
from tests.admin.site import LiveSite, make_site
from tests.commands.conftest import Command
from tests.helpers import wait_until
from tests.support.ports import free_port


def test_without_a_server_it_holds_from_the_next_start_on(data_dir: Path, command: Command) -> None:
    said = command("gateway", "on", "--port", "12345")
    assert (said.code, said.err) == (0, "")
    assert "next start" in said.out
    settings = GatewayStore(data_dir / GATEWAY_FILE).load()
    assert (settings.enabled, settings.port) == (True, 12345)
    assert "12345" in command("gateway", "show").out
    assert "gateway  127.0.0.1 port 12345" in command("status").out


def test_a_running_server_starts_and_ends_it(data_dir: Path, command: Command) -> None:
    site = make_site(data_dir)
    with LiveSite(site) as live, announced(data_dir, live.url):
        assert command("gateway", "on", "--port", str(free_port())).code == 0
        wait_until(lambda: site.suite.gateway.status().state == "running")
        assert "running" in command("status").out
        assert json.loads(command("gateway", "off", "--json").out)["gateway"]["enabled"] is False
        wait_until(lambda: site.suite.gateway.status().state == "disabled")

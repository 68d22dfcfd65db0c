"""The gateway as a child of the admin server, over real processes."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from configuration.gateway_config import GatewaySettings
from supervision.suite import Suite
from tests.admin.site import make_site
from tests.helpers import eventually
from tests.reliability.scenarios.restarting import kill_behind_gateway, restart_behind_gateway
from tests.support.launch import DEMO_ID
from tests.support.launch_suite import suite_process
from tests.support.ports import free_port


@pytest.fixture
async def suite(tmp_path: Path) -> AsyncIterator[Suite]:
    """Devices without models: only the gateway can run."""
    suite = make_site(tmp_path / "資料 夾").suite
    await suite.start()
    yield suite
    await suite.stop()


async def set_gateway(suite: Suite, **settings: object) -> None:
    suite.gateway_store.change(lambda before: before.model_copy(update=settings))
    await suite.apply_gateway()


def state(suite: Suite) -> str:
    return suite.gateway.status().state


async def test_it_is_off_until_it_is_switched_on(suite: Suite) -> None:
    assert state(suite) == "disabled"
    await set_gateway(suite, enabled=True, port=free_port())
    await eventually(lambda: state(suite) == "running", lambda: suite.gateway.status())
    async with httpx.AsyncClient(base_url=suite.gateway.url, trust_env=False) as client:
        assert (await client.get("/")).text == "Ollama is running"
        assert (await client.get("/v1/models")).json()["data"] == []
        refused = await client.post("/v1/chat/completions", json={"model": "x", "messages": []})
        assert refused.status_code == 404
    assert any("started on port" in line.text for line in suite.log("gateway").tail(50))
    pid = suite.gateway.status().pid
    await set_gateway(suite, wait_seconds=5.0)
    assert suite.gateway.status().pid == pid  # nothing that needs a new process
    await set_gateway(suite, enabled=False)
    assert state(suite) == "disabled"


async def test_a_taken_port_is_said_and_can_be_left(suite: Suite) -> None:

    with socket.create_server(("127.0.0.1", 0)) as taken:
        await set_gateway(suite, enabled=True, port=taken.getsockname()[1])
        await eventually(lambda: state(suite) == "failed")
        assert "If it is Ollama, end it" in (suite.gateway.status().last_error or "")
        await set_gateway(suite, port=free_port())
        await eventually(lambda: state(suite) == "running", lambda: suite.gateway.status())


async def test_one_that_dies_is_started_again(suite: Suite) -> None:
    await set_gateway(suite, enabled=True, port=free_port())
    await eventually(lambda: state(suite) == "running")
    suite.gateway.kill()
    await eventually(lambda: suite.gateway.status().restarts == 1 and state(suite) == "running")


@pytest.mark.skipif(sys.platform == "win32", reason="a restarted device refuses connections for a moment there")
@pytest.mark.long
async def test_restarts_under_load_fail_no_request(tmp_path: Path) -> None:
    with suite_process(tmp_path, gateway=True) as suite:
        suite.assign("gpu", [DEMO_ID])
        device, gateway = suite.device_url("gpu"), suite.gateway_url
        result = await restart_behind_gateway(suite.url, device, gateway, DEMO_ID, times=2, clients=4)
        assert not result.problems
        result = await kill_behind_gateway(device, gateway, DEMO_ID, times=1, clients=3)
        assert not result.problems


def test_the_defaults_are_off_and_on_this_machine_only() -> None:
    settings = GatewaySettings()
    assert (settings.enabled, settings.host, settings.port) == (False, "127.0.0.1", 11434)

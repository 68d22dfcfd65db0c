"""Abuse is answered and survived. `python -m tests.reliability.abuse` measures how fast others are served meanwhile."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from apis.bounds import MAX_MESSAGES
from tests.reliability.abuse import apps, urls_of
from tests.reliability.attacks import ATTACKS, slow
from tests.reliability.attacks.attack import Attack
from tests.reliability.attacks.bodies import other_conversations
from tests.support.launch import DEMO_ID, DeviceProcess, demo_model, device_process
from tests.support.launch_suite import SuiteProcess, suite_process

pytestmark = pytest.mark.long

SLOW = (slow.slowloris, slow.slow_bodies, slow.stuck_readers)
"""They last until the deadlines; tests/web/test_connection.py tries those with shorter ones."""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SuiteProcess]:
    with suite_process(tmp_path_factory.mktemp("abused")) as suite:
        suite.assign("gpu", [DEMO_ID])
        assert suite.chat("gpu", DEMO_ID, "hello").status_code == 200
        yield suite


@pytest.mark.parametrize(
    ("attack", "on"),
    [pytest.param(each, on, id=f"{each.name}, {on}") for each in ATTACKS if each.run not in SLOW for on in apps(each)],
)
async def test_abuse_is_refused_and_others_are_served(suite: SuiteProcess, attack: Attack, on: str) -> None:
    assert not attack.problems(await attack.run(urls_of(suite)[on]))
    assert suite.health("gpu")["status"] == "ok"
    assert suite.device("gpu")["state"] == "running"


async def test_many_slow_connections_keep_nobody_out(suite: SuiteProcess) -> None:
    for url in urls_of(suite).values():
        connections = await slow.open_slowly(url, slow.CONNECTIONS)
        try:
            assert suite.client.get(f"{url}/health").status_code == 200
            assert suite.chat("gpu", DEMO_ID, "hello").status_code == 200
        finally:
            for _, writer in connections:
                writer.transport.abort()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat", "/v1/messages", "/v1/responses"])
def test_a_conversation_has_so_many_messages_and_no_more(suite: SuiteProcess, path: str) -> None:
    turns = [{"role": "user", "content": "hi"}] * MAX_MESSAGES
    openai = {"/v1/chat/completions": {"model": DEMO_ID, "messages": turns}}
    body = {**openai, **other_conversations(turns)}[path]
    key = "input" if path == "/v1/responses" else "messages"
    most = suite.client.post(suite.device_url("gpu") + path, json=body)
    more = suite.client.post(suite.device_url("gpu") + path, json={**body, key: [*turns, turns[0]]})
    assert str(MAX_MESSAGES) in more.text
    assert more.status_code == most.status_code == 400
    assert "tokens" in most.text  # so many are too long for this model, but not too many


def test_a_client_may_have_so_many_requests_at_once_and_in_a_minute(tmp_path: Path) -> None:
    limits = {"max_active_per_client": 1, "max_requests_per_minute": 3}
    (tmp_path / "server_config.json").write_text(json.dumps(limits), encoding="utf-8")
    with device_process(tmp_path, models=[demo_model()]) as server:
        with stream(server) as response:
            assert response.status_code == 200
            second = server.client.get("/v1/models")
            assert (second.status_code, second.headers["retry-after"]) == (429, "1")
            assert "open already" in second.json()["error"]["message"]
            assert server.client.get("/health").status_code == 200
            for _ in response.iter_bytes():
                pass
        assert 429 in [server.client.get("/v1/models").status_code for _ in range(10)]


def stream(server: DeviceProcess) -> AbstractContextManager[httpx.Response]:
    messages = [{"role": "user", "content": "hello"}]
    body = {"model": server.model, "messages": messages, "stream": True, "max_tokens": 2000, "ignore_eos": True}
    return server.client.stream("POST", "/v1/chat/completions", json=body)

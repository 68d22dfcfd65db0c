"""Conversations that together are longer than the KV cache: who asks is told, and what would help."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.support.launch import DeviceProcess, demo_model, device_process

HEADER = "X-KV-Cache-Evicted"
WORDS = "Please tell me all about the ports of this server. "
STREAMS = (
    ("/v1/chat/completions", True),
    ("/v1/chat/completions", False),
    ("/v1/messages", True),
    ("/v1/messages", False),
    ("/api/chat", True),
    ("/api/chat", False),
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceProcess]:
    model = demo_model(instance_memory_gb=0.0045, max_concurrent=2)
    with device_process(tmp_path_factory.mktemp("small"), models=[model]) as server:
        yield server


def _ask(
    server: DeviceProcess, name: str, path: str = "/v1/chat/completions", *, stream: bool = False
) -> httpx.Response:
    messages = [{"role": "user", "content": f"I am {name}. " + WORDS * 60}]
    body = {"model": server.model, "messages": messages, "max_tokens": 4, "stream": stream}
    return server.post(path, body).raise_for_status()


def _capacity(server: DeviceProcess) -> int:
    (model,) = server.get("/memory")["models"]
    return model["kv_cache_tokens"]


@pytest.mark.parametrize(("path", "stream"), STREAMS)
def test_every_api_says_so_in_a_header(small: DeviceProcess, path: str, stream: bool) -> None:
    assert HEADER not in _ask(small, f"{path} {stream}", path, stream=stream).headers  # it is new
    assert HEADER not in _ask(small, f"{path} {stream}", path, stream=stream).headers  # it is there
    _ask(small, f"another, {path} {stream}")
    told = _ask(small, f"{path} {stream}", path, stream=stream).headers[HEADER]
    found = re.fullmatch(r'(\d+);settings="instance_memory_gb, kv_cache_precision"', told)
    assert found
    assert 256 <= int(found[1]) <= _capacity(small)


def test_the_log_and_the_figures_tell_it(small: DeviceProcess) -> None:
    for name in ("Ann", "Ben", "Ann"):
        _ask(small, name)
    stats = small.get(f"/model/stats?model={small.model}")
    assert stats["evicted_prompts"] > 0
    assert stats["evicted_tokens"] >= 256
    (model,) = small.health()["models"]
    assert model["evicted_prompts"] == stats["evicted_prompts"]
    line = next(line for line in small.log().splitlines() if "of a conversation" in line)
    assert f"KV cache of {_capacity(small)} tokens" in line
    assert "instance_memory_gb" in line


def test_a_conversation_that_nearly_fills_the_cache_is_told_of(small: DeviceProcess) -> None:
    def told() -> int | None:
        (model,) = small.health()["models"]
        return model["longest_conversation"]

    def ask(tokens: int) -> int:
        body = {"model": small.model, "prompt": list(range(5, 5 + tokens)), "max_tokens": 1}
        return small.post("/v1/completions", body).raise_for_status().json()["usage"]["total_tokens"]

    capacity = _capacity(small)
    ask(capacity // 2)
    before = told()
    longest = ask(int(capacity * 0.9))
    assert (before, told()) == (None, longest)

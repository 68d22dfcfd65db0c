"""The KV cache's price beside the plugin's own buffers, and models that share a small card."""

from pathlib import Path
from typing import Any

import pytest

from tests.gpu.conftest import FIRST_LOAD_SECONDS, gpu_server, preload
from tests.support.launch import DEMO_ID, DeviceProcess, demo_model

GIB = 1 << 30
MIB = 1 << 20
BUFFERS = 2 * 6
QUESTION = "What is the NPU port?"


@pytest.mark.parametrize("precision", [None, "int8", "int4"], ids=["pinned f16", "int8", "int4"])
def test_the_kv_cache_takes_what_it_is_priced_at(tmp_path: Path, precision: str | None) -> None:
    """Its buffers, one of keys and one of values for each of six layers, are larger than any other here."""
    trace = tmp_path / "buffers"
    model = demo_model(kv_cache_precision=precision)
    with gpu_server(tmp_path, [model], options={"trace": trace}) as server:
        preload(server, DEMO_ID)
        (memory,) = server.get("/memory")["models"]
    sizes = sorted(int(line.split()[2]) for line in trace.read_text(encoding="utf-8").splitlines())
    caches = sizes[-BUFFERS:]
    assert caches[0] > 2 * sizes[-BUFFERS - 1]
    assert sum(caches) == pytest.approx(memory["estimated_kv_cache_bytes"], rel=0.05)


def _copies(count: int, **settings: Any) -> list[dict[str, Any]]:
    return [{**demo_model(**settings), "id": f"copy/{number}"} for number in range(count)]


def _ask(server: DeviceProcess, model: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0}
    answer = server.client.post("/v1/chat/completions", json=body, timeout=FIRST_LOAD_SECONDS).raise_for_status()
    return answer.json()["choices"][0]["message"]["content"]


def test_models_take_turns_on_a_card_of_2_gib(tmp_path: Path) -> None:
    card = {"discrete": 1, "memory": 2 * GIB}
    with gpu_server(tmp_path, _copies(3, instance_memory_gb=0.6, max_concurrent=256), options=card) as server:
        memory = server.get("/memory")
        assert (memory["memory"], memory["total_bytes"]) == ("GPU", 2 * GIB)
        for model in ("copy/0", "copy/1", "copy/2", "copy/0", "copy/2"):
            assert "11436" in _ask(server, model)
            reserved = server.get("/memory")
            assert reserved["reserved_bytes"] <= reserved["limit_bytes"] < 2 * GIB
            assert sum(bool(each["instances"]) for each in reserved["models"]) <= 2
        assert server.log().count("to make room for") >= 2


def test_a_model_that_a_card_cannot_hold_is_refused_with_the_figures(tmp_path: Path) -> None:
    card = {"discrete": 1, "memory": 300 * MIB}
    with gpu_server(tmp_path, _copies(1, instance_memory_gb=0.2), options=card) as server:
        body = {"model": "copy/0", "messages": [{"role": "user", "content": QUESTION}]}
        answer = server.post("/v1/chat/completions", body)
        assert answer.status_code == 503
        assert "more than this device may ever take (0.28 GB)" in answer.json()["error"]["message"]
        assert not server.workers()


def test_where_the_system_tells_nothing_of_a_card_nothing_is_made_up(tmp_path: Path) -> None:
    """The stand-in has no kernel driver, whose files tell what a process has on a card."""
    card = {"discrete": 1, "memory": 2 * GIB}
    with gpu_server(tmp_path, _copies(1, instance_memory_gb=0.1), options=card) as server:
        assert "11436" in _ask(server, "copy/0")
        memory = server.get("/memory")
        (model,) = memory["models"]
        assert model["instances"][0]["memory_bytes"] is None
        assert memory["measured"] is False
        assert memory["reserved_bytes"] == model["estimated_bytes"]

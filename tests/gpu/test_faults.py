"""Kernels that fail, hang and abort, workers that are killed, caches that are damaged."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from configuration.device_config import ModelAssignment
from hardware.devices import ResolvedDevice
from instances.protocol import GenerationParams
from memory.budget import MemoryBudget
from memory.readings import system_memory
from model_files.model_facts import read_facts
from model_manager import ModelManager
from pools import housekeeping
from pools.served_model import ServedModel
from pools.statistics import Timings
from tests.gpu.conftest import FIRST_LOAD_SECONDS, gpu_server, preload, small_model
from tests.gpu_stand_in.environment import stand_in_environment
from tests.support.launch import DEMO_ID, DeviceProcess, demo_model

QUESTION = "How do I add a model?"
SOME_TOKENS = 4
TOKENS = 300


@pytest.fixture
def fault(tmp_path: Path) -> Path:
    """Whoever launches a kernel once this file is there suffers what it says (layer/faults.c)."""
    return tmp_path / "fault"


@pytest.fixture
def server(tmp_path: Path, fault: Path) -> Iterator[DeviceProcess]:
    other = {**demo_model(), "id": "demo/other"}
    with gpu_server(tmp_path, [demo_model(), other], options={"fault": fault}) as server:
        preload(server, DEMO_ID, "demo/other")
        yield server


def _stream(server: DeviceProcess, model: str, at_some_tokens: Callable[[], None] = lambda: None) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0, "stream": True}
    text, pieces = "", 0
    with server.client.stream("POST", "/v1/chat/completions", json=body, timeout=FIRST_LOAD_SECONDS) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                event = json.loads(line.removeprefix("data: "))
                assert "error" not in event, event
                piece = event["choices"][0]["delta"].get("content") if event["choices"] else None
                pieces += bool(piece)
                if piece and pieces == SOME_TOKENS:
                    at_some_tokens()
                text += piece or ""
    return text


def _stats(server: DeviceProcess, model: str) -> dict[str, Any]:
    return server.get(f"/model/stats?model={model}")


def test_an_answer_outlives_its_worker(server: DeviceProcess) -> None:
    whole = _stream(server, DEMO_ID)

    def kill() -> None:
        (instance,) = server.get(f"/model/instances?model={DEMO_ID}")["instances"]
        psutil.Process(instance["pid"]).kill()

    assert _stream(server, DEMO_ID, kill) == whole
    assert _stats(server, DEMO_ID)["resumed"] == 1
    assert _stats(server, "demo/other")["resumed"] == 0


@pytest.mark.parametrize("kind", ["fail", "abort"])
def test_a_kernel_that_breaks_costs_one_worker_and_no_answer(server: DeviceProcess, fault: Path, kind: str) -> None:
    whole = _stream(server, DEMO_ID)
    workers = set(server.workers())

    def arm() -> None:
        fault.write_text(f"{kind} 10", encoding="utf-8")

    with ThreadPoolExecutor(1) as pool:
        assert _stream(server, DEMO_ID, arm) == whole
        others = pool.submit(_stream, server, "demo/other")
        assert others.result() == whole
    assert not fault.exists()
    assert len(workers & set(server.workers())) == 1
    assert len(server.workers()) == 2
    assert _stats(server, DEMO_ID)["resumed"] + _stats(server, "demo/other")["resumed"] == 1
    assert _stream(server, DEMO_ID) == whole


def test_a_kernel_that_hangs_costs_one_worker_and_no_answer(
    tmp_path: Path, fault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_HUNG_SECONDS", 8.0)  # instead of five minutes
    for name, value in stand_in_environment({"fault": fault}).items():
        monkeypatch.setitem(os.environ, name, value)
    assignment = ModelAssignment.model_validate(demo_model())
    directory = Path(assignment.path)
    device = ResolvedDevice("GPU", "GPU", "stand-in")
    model = ServedModel("a", "gpu-a", directory, read_facts(directory), assignment, device)

    async def ask(manager: ModelManager, *, hangs: bool) -> list[int]:
        tokens: list[int] = []
        timings = Timings(manager.clock())
        async for output in manager.generate(
            "a", list(range(10, 40)), GenerationParams(TOKENS, ignore_eos=True), timings
        ):
            if hangs and not tokens:
                fault.write_text("hang 10", encoding="utf-8")  # noqa: ASYNC240
            tokens += output.tokens
        return tokens

    async def work() -> None:
        manager = ModelManager([model], MemoryBudget(system_memory()), cache_dir=tmp_path)
        await manager.start()
        try:
            whole = await ask(manager, hangs=False)
            assert len(whole) == TOKENS
            assert await ask(manager, hangs=True) == whole
            assert manager.statistics["a"].resumed == 1
        finally:
            await manager.stop()

    asyncio.run(work())


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda data: data[: len(data) // 2],
    "emptied": lambda data: b"",
    "rubbish": lambda data: os.urandom(len(data)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_compile_cache_blocks_no_model(tmp_path: Path, damage: str) -> None:
    models = [small_model("chat")]
    with gpu_server(tmp_path, models) as server:
        preload(server, "test/chat")
        expected = _tokens(server)
    cache = tmp_path / "cache_gpu" / "test_chat"
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".blob", ".cl_cache"}
    for path in files:
        path.chmod(0o600)
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with gpu_server(tmp_path, models) as server:
        preload(server, "test/chat")
        assert _tokens(server) == expected
        log = server.log()
    aside = cache.with_name("test_chat.damaged")
    assert aside.is_dir() == (str(aside) in log)
    if damage != "emptied":  # which the plugin itself notices
        assert aside.is_dir()
    with gpu_server(tmp_path, models) as server:
        preload(server, "test/chat")
        assert "compiled before" not in server.log()
        assert _tokens(server) == expected


def _tokens(server: DeviceProcess) -> str:
    body = {"model": "test/chat", "prompt": "abc", "max_tokens": 1, "temperature": 0}
    answer: httpx.Response = server.post("/v1/completions", body).raise_for_status()
    return answer.json()["choices"][0]["text"]

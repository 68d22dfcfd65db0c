"""What prompts were seen to begin with: which of it is kept, where, and that a loaded model has read it."""

import asyncio
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.device_config import ModelAssignment
from hardware.devices import ResolvedDevice
from instances.protocol import GenerationParams
from memory.budget import MemoryBudget
from memory.readings import MemoryReading, PhysicalMemory
from model_files.model_facts import read_facts
from model_manager import ModelManager
from pools.served_model import ServedModel
from pools.statistics import Timings
from pools.warm_prefixes import LEAST_TOKENS, WarmPrefixes

DEMO = Path(__file__).parents[2] / "models" / "demo_server-guide"
SYSTEM = [100 + number % 900 for number in range(700)]


def prompt(number: int, beginning: list[int] = SYSTEM) -> list[int]:
    return [*beginning, 1500 + number, *([2000 + number] * 40)]


def test_what_two_prompts_begin_with_is_kept() -> None:
    prefixes = WarmPrefixes(None)
    prefixes.note("a", prompt(1))
    assert prefixes.of("a") == []
    prefixes.note("a", prompt(2))
    assert prefixes.of("a") == [SYSTEM]
    assert prefixes.of("b") == []


def test_a_conversation_that_goes_on_is_nobody_elses() -> None:
    prefixes = WarmPrefixes(None)
    turn = prompt(1)
    for _ in range(5):
        prefixes.note("a", turn)
        turn = turn + [3000 + len(turn) % 90] * 60
    assert prefixes.of("a") == []


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(200, 900), st.integers(0, 99)), max_size=40))
def test_few_are_kept_none_short_none_within_another(seen: list[tuple[int, int, int]]) -> None:
    prefixes = WarmPrefixes(None)
    for kind, length, number in seen:
        prefixes.note("a", prompt(number, [kind + 50, *SYSTEM[:length]]))
    kept = prefixes.of("a")
    assert len(kept) <= 4
    for each in kept:
        assert len(each) >= LEAST_TOKENS
        assert not any(other is not each and other[: len(each)] == each for other in kept)


def test_they_outlive_a_restart_in_a_file_of_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "資料 夾" / "warm_prefixes.bin"
    path.parent.mkdir()
    prefixes = WarmPrefixes(path)
    for number in range(2):
        prefixes.note("a", prompt(number))
    assert WarmPrefixes(path).of("a") == [SYSTEM]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    WarmPrefixes(path).forget("a")
    assert WarmPrefixes(path).of("a") == []
    path.write_bytes(b"\xff broken")
    assert WarmPrefixes(path).of("a") == []


def manager_of(folder: Path, **assignment: object) -> ModelManager:
    entry = ModelAssignment.model_validate({"id": "a/b", "path": str(DEMO), "instance_memory_gb": 0.1, **assignment})
    model = ServedModel("a/b", "cpu-a/b", DEMO, read_facts(DEMO), entry, ResolvedDevice("CPU", "CPU", "CPU"))
    memory = PhysicalMemory("system", lambda: MemoryReading(8 * 10**9, 8 * 10**9), lambda pid: None)
    return ModelManager([replace(model)], MemoryBudget(memory), cache_dir=folder)


async def answer(manager: ModelManager, ids: list[int]) -> int:
    """How much of the prompt was there already."""
    cached = 0
    async for output in manager.generate("a/b", ids, GenerationParams(max_tokens=2, temperature=0), Timings(0.0)):
        cached = cached or output.cached_tokens or 0
    return cached


async def settled(manager: ModelManager) -> None:
    pool = manager.pool("a/b")
    while not any(loaded.served for loaded in pool.loaded_instances) or pool.active:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_loaded_model_has_read_what_prompts_begin_with(tmp_path: Path, wanted: bool) -> None:
    first = manager_of(tmp_path)
    for number in range(2):
        await answer(first, prompt(number))
    await first.stop()
    second = manager_of(tmp_path, warm_prefixes=wanted)
    try:
        await second.preload("a/b", 1)
        if wanted:
            await settled(second)
        cached = await answer(second, prompt(7))
        assert cached >= 640 if wanted else cached == 0
    finally:
        await second.stop()
    assert bool(WarmPrefixes(tmp_path / "warm_prefixes.bin").of(f"a/b {read_facts(DEMO).size_bytes}")) == wanted

"""The budget and the ledger, with readings that the tests make up."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.budget import MemoryBudget
from memory.gpu import read_gpu_memory
from memory.ledger import MemoryLedger, MemoryReservation
from memory.readings import (
    MemoryReading,
    PhysicalMemory,
    ProcessMemory,
    device_memory,
    read_system_memory,
    system_memory,
)
from tests.helpers import wait_until

TOTAL = 1000


def memory(available: int = TOTAL, processes: Mapping[int, ProcessMemory] | None = None) -> PhysicalMemory:
    return PhysicalMemory("system", lambda: MemoryReading(TOTAL, available), (processes or {}).get)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 600), st.booleans())))
def test_reservations_never_exceed_what_there_is(steps: list[tuple[int, int, bool]]) -> None:
    budget = MemoryBudget(memory(), reserve_bytes=100)
    held: dict[int, int] = {}
    for holder, size, give_back in steps:
        if give_back:
            budget.release(holder)
            held.pop(holder, None)
        elif holder not in held and budget.reserve(holder, "model", size):
            held[holder] = size
        assert sum(held.values()) <= TOTAL - 100
        assert budget.figures().reserved == sum(held.values())


def test_what_other_programs_take_is_not_free() -> None:
    budget = MemoryBudget(memory(available=300), reserve_bytes=100)
    assert budget.figures().free == 200
    assert not budget.reserve("a", "model", 201)
    assert budget.reserve("a", "model", 200)


def test_a_promise_counts_until_it_is_filled_and_then_as_what_is_really_taken() -> None:
    processes = {7: ProcessMemory(resident=150, private=150)}
    budget = MemoryBudget(memory(500, processes))
    budget.reserve("a", "model", 200)
    assert budget.figures().free == 300  # nothing of the 200 is taken yet
    budget.attach("a", 7)
    assert budget.figures().free == 450  # 150 of them are, and are missing from what is available
    processes[7] = ProcessMemory(resident=260, private=260)
    assert budget.figures().reserved == 260
    assert budget.measured("a") == 260


def test_a_process_whose_gpu_buffers_nobody_tells_is_not_called_measured() -> None:
    budget = MemoryBudget(memory(900, {7: ProcessMemory(resident=90, private=80, complete=False)}))
    budget.reserve("a", "model", 300)
    budget.attach("a", 7)
    assert budget.measured("a") is None
    assert budget.size("a") == 300
    assert budget.figures().free == 900 - (300 - 80)


def test_without_a_kernel_that_tells_of_buffers_a_gpu_process_is_incomplete() -> None:
    told = read_gpu_memory(os.getpid()).told
    measured = system_memory(with_gpu=True).measure(os.getpid())
    assert measured is not None
    assert measured.complete is told


def test_mapped_weights_are_not_free_although_the_system_calls_them_available() -> None:
    budget = MemoryBudget(memory(900, {7: ProcessMemory(resident=300, private=100)}))
    budget.reserve("a", "model", 300)
    budget.attach("a", 7)
    assert budget.figures().free == 700


def test_a_limit_binds_this_device_alone() -> None:
    budget = MemoryBudget(memory(), limit_bytes=300)
    assert budget.reserve("a", "model", 300)
    assert not budget.reserve("b", "model", 1)


def test_device_servers_see_one_another(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from memory.ledger import MemoryLedger, MemoryReservation
ledger = MemoryLedger(Path({str(tmp_path)!r}))
ledger.publish([MemoryReservation("system", 400, "other"), MemoryReservation("GPU.1", 500, "elsewhere")])
print("ready", flush=True)
sys.stdin.read()
"""
    other = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        budget = MemoryBudget(memory(), MemoryLedger(tmp_path))
        assert budget.figures().elsewhere == 400
        assert not budget.reserve("a", "model", 601)
        assert budget.reserve("a", "model", 600)
    finally:
        other.kill()
        other.communicate()
    wait_until(lambda: budget.figures().elsewhere == 0)
    assert budget.reserve("b", "model", 400)


def test_a_damaged_ledger_file_counts_for_nothing(tmp_path: Path) -> None:
    ledger = MemoryLedger(tmp_path)
    (tmp_path / "rubbish.json").write_text("{", encoding="utf-8")
    ledger.publish([MemoryReservation("system", 1, "own")])
    assert ledger.others() == []


async def test_one_load_at_a_time_on_the_machine(tmp_path: Path) -> None:
    first, second = MemoryLedger(tmp_path), MemoryLedger(tmp_path)
    order: list[str] = []
    async with first.load_turn():
        waiting = second.load_turn()
        entering = asyncio.ensure_future(waiting.__aenter__())
        await asyncio.sleep(0.3)
        assert not entering.done()
        order.append("first")
    await entering
    order.append("second")
    await waiting.__aexit__(None, None, None)
    assert order == ["first", "second"]


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    (tmp_path / "box" / "inner").mkdir(parents=True)
    (tmp_path / "own").write_text("0::/box/inner\n", encoding="utf-8")
    return tmp_path


def test_a_control_groups_limit_is_the_memory_there_is(groups: Path) -> None:
    machine = read_system_memory(root=groups, own_group=groups / "own")
    (groups / "box" / "memory.max").write_text("1000000000\n", encoding="utf-8")
    (groups / "box" / "memory.current").write_text("900000000\n", encoding="utf-8")
    (groups / "box" / "memory.stat").write_text("anon 1\ninactive_file 200000000\nactive_file 0\n", encoding="utf-8")
    limited = read_system_memory(root=groups, own_group=groups / "own")
    assert limited == MemoryReading(1_000_000_000, 300_000_000)
    assert machine.total > limited.total


def test_a_group_without_a_limit_changes_nothing(groups: Path) -> None:
    (groups / "box" / "memory.max").write_text("max\n", encoding="utf-8")
    assert read_system_memory(root=groups, own_group=groups / "own").total > 1_000_000_000


def test_a_discrete_gpus_budget_is_its_own(tmp_path: Path) -> None:
    card = MemoryBudget(device_memory("GPU.1", TOTAL), MemoryLedger(tmp_path), reserve_bytes=100)
    assert card.reserve("a", "model", 900)
    assert not card.reserve("b", "model", 1)
    card.attach("a", 2**22)  # no such process: what it takes cannot be told, its promise counts
    assert (card.figures().reserved, card.figures().free, card.measured("a")) == (900, 0, None)

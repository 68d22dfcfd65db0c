"""The scenarios of tests/reliability/chaos.py, shortened."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.scenarios.crowd import all_at_once, leaving
from tests.reliability.scenarios.crowding_out import more_models_than_memory
from tests.reliability.scenarios.grammars import bad_grammars
from tests.reliability.scenarios.killing import kill_workers
from tests.reliability.scenarios.lifetimes import lifetimes
from tests.reliability.scenarios.many_grammars import many_grammars
from tests.reliability.scenarios.pressure import balloon
from tests.support.launch import DEMO_MODEL, DeviceProcess, demo_model, device_process

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceProcess]:
    with device_process(tmp_path_factory.mktemp("scenarios"), models=[demo_model(max_concurrent=16)]) as server:
        yield server


async def test_killed_workers_are_not_noticed_by_clients(server: DeviceProcess) -> None:
    result = await kill_workers(server, seconds=5, every=2, clients=4)
    assert not result.problems


async def test_a_crowd_is_answered(server: DeviceProcess) -> None:
    result = await all_at_once(server, clients=60)
    assert not result.problems


async def test_those_who_leave_cost_nothing(server: DeviceProcess) -> None:
    result = await leaving(server, clients=100)
    assert not result.problems


async def test_unusable_grammars_are_refused_alone(server: DeviceProcess) -> None:
    result = await bad_grammars(server, streams=8)
    assert not result.problems


async def test_forms_that_are_always_new_are_kept_amid_questions(server: DeviceProcess) -> None:
    result = await many_grammars(server, schemas=60, clients=6, warm_up=6)
    assert not result.problems


async def test_keep_alive_is_kept(tmp_path: Path) -> None:
    with device_process(tmp_path, models=[demo_model()]) as server:
        result = await lifetimes(server, watch_seconds=1)
    assert not result.problems


async def test_more_models_than_memory_are_served_in_turn(tmp_path: Path) -> None:
    result = await more_models_than_memory(
        DEMO_MODEL, tmp_path, models=4, fitting=2, requests=16, clients=4, kv_cache_gb=0.05
    )
    assert not result.problems


async def test_memory_that_others_take_is_given_way_to(tmp_path: Path) -> None:
    result = await balloon(tmp_path, seconds=6, clients=2, max_concurrent=4)
    assert not result.problems

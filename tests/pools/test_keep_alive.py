"""A `keep_alive` belongs to the instance that answered the request which brought it, and to nothing after it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_manager import ModelManager
from pools.errors import OutOfMemory
from tests.pools.driving import Request, answer, clock, run, settle
from tests.pools.fakes import Factory, budget_for, make_manager, served_model

DEFAULT = 50.0
_values = st.sampled_from([None, 0.0, 5.0, 300.0, -1.0])


async def _ask(manager: ModelManager, factory: Factory, model: str = "a", keep_alive: float | None = None) -> None:
    request = Request(manager, model, keep_alive=keep_alive)
    await settle(0.1)
    await answer(factory.living[-1])
    await request.task


@given(asked=st.lists(_values, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_last_value_holds_until_the_instance_ends_and_no_longer(asked: list[float | None]) -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", idle_timeout=DEFAULT)
        manager = make_manager([a], budget_for(1.5, a), factory, clock)
        await manager.start()
        expected, instance = DEFAULT, None
        for value in asked:
            await _ask(manager, factory, keep_alive=value)
            if factory.living[-1] is not instance:
                expected, instance = DEFAULT, factory.living[-1]
            expected = expected if value is None else value
            await settle(2.0)
            assert bool(factory.living) == (expected != 0)
        await settle(max(0.0, expected) + 2)
        assert bool(factory.living) == (expected < 0)
        await manager.unload_idle()
        await _ask(manager, factory)
        assert manager.pool("a").loaded_instances[0].keep_alive == DEFAULT
        await settle(DEFAULT - 10)
        assert factory.living
        await settle(20)
        assert not factory.living
        await manager.stop()

    run(work())


@pytest.mark.parametrize("preloaded", [0, 1])
def test_a_stop_is_over_once_the_model_is_asked_again(preloaded: int) -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", idle_timeout=DEFAULT, preload_count=preloaded)
        manager = make_manager([a], budget_for(1.5, a), factory, clock)
        await manager.start()
        await _ask(manager, factory, keep_alive=0.0)
        await settle(2)
        assert not factory.living
        await _ask(manager, factory)
        await settle(DEFAULT - 10)
        assert len(factory.living) == 1
        await settle(20)
        assert len(factory.living) == preloaded
        await manager.stop()

    run(work())


def test_a_pin_lost_with_its_instance_protects_nothing() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a, served_model("b")], budget_for(1.5, a), factory, clock)
        await _ask(manager, factory, keep_alive=-1.0)
        assert isinstance(await Request(manager, "b").error(), OutOfMemory)
        factory.living[0].crash()
        await settle()
        await _ask(manager, factory)
        await _ask(manager, factory, "b")

    run(work())


def test_only_the_copy_that_answered_is_pinned() -> None:
    async def work() -> None:
        factory = Factory()
        a = served_model("a", idle_timeout=DEFAULT, pipeline="llm_pipeline", max_concurrent=2)
        manager = make_manager([a], budget_for(2.5, a), factory, clock)
        await manager.start()
        pinning, other = Request(manager, "a", keep_alive=-1.0), Request(manager, "a")
        await settle()
        for instance in list(factory.living):
            await answer(instance)
        await pinning.task
        await other.task
        await settle(DEFAULT + 10)
        assert [loaded.keep_alive for loaded in manager.pool("a").loaded_instances] == [-1.0]
        await manager.stop()

    run(work())


def test_a_refused_request_changes_nothing() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", idle_timeout=DEFAULT, max_concurrent=1)
        manager = make_manager([a], budget_for(1.5, a), factory, clock)
        first = Request(manager, "a")
        await settle()
        leaves = Request(manager, "a", keep_alive=-1.0)
        await settle()
        leaves.task.cancel()
        await settle()
        await answer(factory.living[0])
        await first.task
        assert manager.pool("a").loaded_instances[0].keep_alive == DEFAULT

    run(work())

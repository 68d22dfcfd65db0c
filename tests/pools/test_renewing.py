"""An instance that holds too many compiled grammars makes way for another."""

from typing import Any

import pytest

from instances.protocol import Grammar, Regex, TokenOutput
from model_manager import ModelManager
from pools.renewal import renew
from tests.pools.driving import Request, answer, clock, run, settle
from tests.pools.fakes import MB, Factory, budget_for, make_manager, served_model

FORM, CALLS = Regex("[0-9]+"), Grammar("root ::= .*", resumable=True)
TOO_MUCH = 300 * MB


async def begun(factory: Factory, **assignment: Any) -> ModelManager:
    a = served_model("a", **assignment)
    manager = make_manager([a], budget_for(4, a), factory, clock)
    await manager.start()
    await manager.preload("a", 1)
    return manager


def test_another_is_there_before_anybody_asks_again() -> None:
    async def work() -> None:
        factory = Factory()
        manager = await begun(factory)
        request = Request(manager, "a", structure=FORM, structure_bytes=TOO_MUCH)
        await settle()
        await answer(factory.made[0])
        assert await request.task == [7]
        await settle()
        assert factory.made[0].closed.is_set()
        assert len(factory.living) == 1
        assert manager.pool("a").ends["recycled"] == 1
        await manager.stop()

    run(work())


def test_a_known_grammar_counts_once_and_small_ones_add_up() -> None:
    async def work() -> None:
        factory = Factory()
        manager = await begun(factory)
        for pattern in ("a", "a", "a", "b", "c"):
            request = Request(manager, "a", structure=Regex(pattern), structure_bytes=TOO_MUCH // 3)
            await settle()
            assert len(factory.made) == 1
            await answer(factory.made[0])
            await request.task
        await settle()
        assert len(factory.made) == 2
        await manager.stop()

    run(work())


def test_what_can_go_on_elsewhere_does_and_what_cannot_is_finished_first() -> None:
    async def work() -> None:
        factory = Factory()
        manager = await begun(factory)
        free = Request(manager, "a", [1, 2], structure=CALLS, structure_bytes=MB)
        await settle()
        old = factory.made[0]
        old.generations[0].put(TokenOutput(old.generations[0].id, [10]))
        bound = Request(manager, "a", structure=FORM, structure_bytes=TOO_MUCH)
        await settle()
        late = Request(manager, "a")
        await settle()
        assert len(old.generations) == 1
        assert factory.living == [old]
        await answer(old)
        assert await bound.task == [7]
        await settle()
        [new] = factory.living
        assert new.seen[0][0] == [1, 2, 10]
        await answer(new, [11])
        await answer(new)
        assert (await free.task, await late.task) == ([10, 11], [7])
        await manager.stop()

    run(work())


def test_a_single_request_is_left_to_finish() -> None:
    async def work() -> None:
        factory = Factory()
        manager = await begun(factory, pipeline="llm_pipeline")
        request = Request(manager, "a", structure=CALLS, structure_bytes=TOO_MUCH)
        await settle(3)
        assert len(factory.made[0].generations) == 1
        await answer(factory.made[0])
        assert await request.task == [7]
        assert manager.statistics["a"].resumed == 0
        await manager.stop()

    run(work())


@pytest.mark.parametrize("removed", [True, False])
def test_none_is_loaded_for_a_model_that_is_closed(removed: bool) -> None:
    async def work() -> None:
        factory = Factory()
        manager = await begun(factory)
        loaded = manager.pool("a").loaded_instances[0]
        await renew(manager.pool("a"), loaded)
        await (manager.remove_model("a") if removed else manager.stop())
        await settle()
        assert factory.living == []

    run(work())

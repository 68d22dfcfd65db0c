"""When a model without work waits for the requests that come together with its first."""

import asyncio
from typing import Any

import pytest

from instances.handle import Instance
from instances.protocol import GenerationParams, Rows, TextWork, VectorizeTexts
from pools.arrivals import CountArrivals
from pools.statistics import Timings
from tests.pools.driving import Request, answer, clock, run, settle
from tests.pools.fakes import Factory, FakeInstance, budget_for, make_manager, served_model


async def nothing(*_: Any) -> Any:
    pass


@pytest.mark.parametrize("embeds", [True, False])
def test_nobody_waits_for_what_is_already_at_a_model(embeds: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def for_ever(instance: Instance, work: TextWork) -> Rows:
        return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(FakeInstance, "compute", for_ever)

    async def work() -> None:
        factory, a, b = Factory(), served_model("a"), served_model("b")
        manager = make_manager([a, b], budget_for(3, a), factory, clock)
        for model in ("a", "b"):
            await manager.preload(model, 1)

        async def long_work(*_: object) -> None:
            timings = Timings(clock())
            if embeds:
                await anext(manager.compute("a", [VectorizeTexts(0, ["text"], True)], timings))
            else:
                await anext(manager.generate("a", [1], GenerationParams(max_tokens=1), timings))

        counting = CountArrivals(long_work, arrivals=manager.arrivals, is_counted=lambda path: True)
        scope = {"type": "http", "method": "POST", "path": "/"}
        busy = asyncio.create_task(counting(scope, nothing, nothing))
        await settle(0.01)
        chat = Request(manager, "b")
        await settle(0.01)
        assert not busy.done()
        assert len(factory.living[1].generations) == 1
        busy.cancel()
        await answer(factory.living[1])
        assert await chat.task == [7]

    run(work())


@pytest.mark.parametrize("answered", [True, False])
def test_an_idle_model_begins_with_all_that_come_together(answered: bool) -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", max_concurrent=4)
        manager = make_manager([a], budget_for(1.5, a), factory, clock)
        await manager.preload("a", 1)
        over = manager.arrivals.begin()
        begun = [Request(manager, "a")]
        await settle(0.01)
        [instance] = factory.living
        assert not instance.generations
        if answered:
            begun.append(Request(manager, "a"))
        over()
        await settle(0.001)
        assert len(instance.generations) == len(begun)
        manager.arrivals.begin()
        begun.append(Request(manager, "a"))
        await settle(0.001)
        assert len(instance.generations) == len(begun)  # a working model takes it at its next step
        for _ in begun:
            await answer(instance)
        assert [request.tokens for request in begun] == [[7]] * len(begun)

    run(work())

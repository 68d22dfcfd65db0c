"""The manager with instances that the tests drive, on a clock that jumps."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from devices.hardware import ResolvedDevice
from instances.handle import Instance
from instances.messages import Output, Rows, Sampling, TextWork, VectorizeTexts
from model_manager import ModelManager
from pools.errors import GenerationFailed, ModelLoadFailed, OutOfMemory, QueueFull, QueueTimeout
from pools.statistics import Timings
from tests.pools.fakes import Factory, FakeInstance, budget_for, make_manager, served_model
from tests.pools.virtual_time import VirtualTimeLoop
from web.arrivals import CountArrivals


def run(work: Coroutine[Any, Any, None]) -> None:
    loop = VirtualTimeLoop()
    try:
        loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(1))
        loop.close()


def clock() -> float:
    return asyncio.get_running_loop().time()


class Request:
    """A request under way."""

    def __init__(self, manager: ModelManager, model: str, prompt: list[int] | None = None, **sampling: Any) -> None:
        self.tokens: list[int] = []
        self.timings = Timings(clock())
        asked = Sampling(**{"max_new_tokens": 8, **sampling})
        self._outputs = manager.generate(model, prompt or [1, 2, 3], asked, self.timings)
        self.task = asyncio.create_task(self._collect())

    async def _collect(self) -> list[int]:
        async for output in self._outputs:
            self.tokens += output.tokens
        return self.tokens

    async def error(self) -> Exception:
        with pytest.raises(Exception) as caught:  # noqa: PT011  the caller looks at it
            await self.task
        return caught.value  # pyright: ignore[reportReturnType]


async def nothing(*_: Any) -> Any:
    pass


async def settle(seconds: float = 1.0) -> None:
    await asyncio.sleep(seconds)


async def answer(instance: FakeInstance, tokens: list[int] | None = None) -> None:
    """Finish the oldest request of an instance."""
    generation = instance.generations[0]
    generation.put(Output(generation.id, tokens or [7], finish="stop"))
    await settle(0.1)


def test_an_idle_model_makes_room_for_another() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a, served_model("b")], budget_for(1.5, a), factory, clock)
        first = Request(manager, "a")
        await settle()
        await answer(factory.made[0])
        assert await first.task == [7]
        second = Request(manager, "b")
        await settle()
        assert factory.made[0].closed.is_set()
        await answer(factory.living[0])
        assert await second.task == [7]

    run(work())


def test_a_busy_model_finishes_first_and_takes_nothing_new() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a, served_model("b")], budget_for(1.5, a), factory, clock)
        running = Request(manager, "a")
        await settle()
        other = Request(manager, "b")
        await settle()
        late = Request(manager, "a")
        await settle()
        assert len(factory.living) == 1
        assert len(factory.living[0].generations) == 1
        await answer(factory.living[0])
        await settle()
        assert await running.task == [7]
        assert len(factory.living) == 1
        await answer(factory.living[0])
        assert await other.task == [7]
        await settle()
        await answer(factory.living[0])
        assert await late.task == [7]

    run(work())


def test_a_pinned_model_stays_and_the_other_is_told_who_holds_the_memory() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", idle_timeout=-1.0)
        manager = make_manager([a, served_model("b")], budget_for(1.5, a), factory, clock)
        await manager.preload("a", 1)
        error = await Request(manager, "b").error()
        assert isinstance(error, OutOfMemory)
        assert error.retry_after is not None
        assert "gpu-b" in error.message
        assert "gpu-a" in error.message
        assert len(factory.living) == 1

    run(work())


def test_a_model_larger_than_the_device_is_refused_for_good() -> None:
    async def work() -> None:
        a = served_model("a")
        manager = make_manager([a], budget_for(0.5, a), Factory(), clock)
        error = await Request(manager, "a").error()
        assert isinstance(error, OutOfMemory)
        assert error.retry_after is None

    run(work())


def test_loading_happens_once_however_many_wait() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a], budget_for(4, a), factory, clock)
        requests = [Request(manager, "a") for _ in range(6)]
        await settle()
        assert len(factory.made) == 1
        for _ in requests:
            await answer(factory.made[0])
        assert [await request.task for request in requests] == [[7]] * 6

    run(work())


def test_copies_of_a_single_request_pipeline_grow_with_demand_and_memory() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", pipeline="llm_pipeline", max_concurrent=8)
        manager = make_manager([a], budget_for(2.5, a), factory, clock)
        requests = [Request(manager, "a") for _ in range(4)]
        await settle()
        assert [len(instance.generations) for instance in factory.living] == [1, 1]
        for _ in range(2):
            for instance in list(factory.living):
                await answer(instance)
        assert [await request.task for request in requests] == [[7]] * 4

    run(work())


@pytest.mark.parametrize(("parallel", "at_once"), [(False, 1), (True, 2)])
def test_an_npus_instances_take_turns_unless_configured_otherwise(parallel: bool, at_once: int) -> None:
    async def work() -> None:
        npu = ResolvedDevice("NPU", "NPU", "Intel(R) AI Boost")
        a = replace(served_model("a", max_concurrent=2), device=npu, parallel_generations=parallel)
        factory = Factory()
        manager = make_manager([a], budget_for(4, a), factory, clock)
        await manager.preload("a", 2)
        requests = [Request(manager, "a") for _ in range(2)]
        await settle()
        assert [len(made.generations) for made in factory.made].count(1) == at_once
        for _ in range(2):
            for made in factory.made:
                if made.generations:
                    await answer(made)
        assert [await request.task for request in requests] == [[7], [7]]
        await manager.stop()

    run(work())


def test_a_lost_request_goes_on_from_its_tokens_in_a_new_instance() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a], budget_for(4, a), factory, clock)
        request = Request(manager, "a", [1, 2], max_new_tokens=5)
        await settle()
        generation = factory.made[0].generations[0]
        generation.put(Output(generation.id, [10, 11]))
        await settle()
        factory.made[0].crash()
        await settle()
        prompt, sampling = factory.living[0].seen[0]
        assert prompt == [1, 2, 10, 11]
        assert sampling.max_new_tokens == 3
        await answer(factory.living[0], [12])
        assert await request.task == [10, 11, 12]
        assert manager.statistics["a"].resumed == 1

    run(work())


def test_an_instance_that_has_just_ended_is_given_to_nobody() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a], budget_for(4, a), factory, clock)
        await manager.preload("a", 1)
        request = Request(manager, "a")  # its turn comes before that of those whom the crash wakes
        factory.made[0].crash()
        await settle()
        await answer(factory.living[0])
        assert await request.task == [7]
        assert manager.statistics["a"].resumed == 0

    run(work())


def test_a_request_that_kills_every_instance_fails_alone() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a], budget_for(4, a), factory, clock)
        request = Request(manager, "a")
        for _ in range(3):
            await settle()
            for instance in factory.living:
                instance.crash()
        error = await request.error()
        assert isinstance(error, (GenerationFailed, ModelLoadFailed))
        assert error.status == 500

    run(work())


def test_an_answer_that_was_complete_is_not_asked_for_again() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a], budget_for(4, a), factory, clock)
        request = Request(manager, "a", max_new_tokens=2)
        await settle()
        generation = factory.made[0].generations[0]
        generation.put(Output(generation.id, [5, 6]))
        factory.made[0].crash()
        assert await request.task == [5, 6]

    run(work())


def test_a_failed_load_is_told_to_all_who_wait_and_tried_again_later() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        factory.failure = "the file is damaged"
        manager = make_manager([a], budget_for(4, a), factory, clock)
        errors = [await request.error() for request in [Request(manager, "a"), Request(manager, "a")]]
        assert all(isinstance(error, ModelLoadFailed) and "damaged" in error.message for error in errors)
        factory.failure = None
        assert isinstance(await Request(manager, "a").error(), ModelLoadFailed)
        await settle(20)
        request = Request(manager, "a")
        await settle()
        await answer(factory.living[0])
        assert await request.task == [7]

    run(work())


def test_the_queue_is_bounded_and_waiting_has_an_end() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", max_concurrent=1)
        manager = make_manager([a], budget_for(4, a), factory, clock)
        await manager.start()
        running = Request(manager, "a")
        await settle()
        waiting = [Request(manager, "a") for _ in range(8)]
        await settle(0.1)
        assert running.timings.queue_position is None
        assert [each.timings.queue_position() for each in waiting if each.timings.queue_position] == [*range(1, 9)]
        full = await Request(manager, "a").error()
        assert isinstance(full, QueueFull)
        assert full.retry_after is not None
        error = await waiting[0].error()
        assert isinstance(error, QueueTimeout)
        assert "GB" in error.message
        assert not running.task.done()
        await manager.stop()
        await asyncio.gather(*(each.task for each in [running, *waiting]), return_exceptions=True)

    run(work())


def test_a_client_that_leaves_while_queued_costs_nothing() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", max_concurrent=1)
        manager = make_manager([a], budget_for(4, a), factory, clock)
        running, leaver, stayer = (Request(manager, "a") for _ in range(3))
        await settle()
        leaver.task.cancel()
        await settle()
        assert manager.pool("a").queued == 1
        await answer(factory.made[0])
        await answer(factory.made[0])
        assert await running.task == [7]
        assert await stayer.task == [7]
        assert len(factory.made[0].seen) == 2

    run(work())


@pytest.mark.parametrize(("idle_timeout", "lives"), [(30.0, False), (-1.0, True)])
def test_idle_instances_end_when_their_time_is_over(idle_timeout: float, lives: bool) -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", idle_timeout=idle_timeout)
        manager = make_manager([a], budget_for(4, a), factory, clock)
        await manager.start()
        await manager.preload("a", 1)
        await settle(20)
        assert len(factory.living) == 1
        await settle(20)
        assert bool(factory.living) == lives
        await manager.stop()
        assert not factory.living

    run(work())


def test_requests_that_outgrow_the_cache_take_turns_and_all_are_answered() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", instance_memory_gb=0.0004)
        manager = make_manager([a], budget_for(4, a), factory, clock)
        capacity = manager.pool("a").plan.kv_cache_tokens
        requests = [Request(manager, "a", [index], max_new_tokens=capacity - 200) for index in range(3)]
        done: set[int] = set()
        for _ in range(4000):
            await settle(0.01)
            for instance in factory.living:
                assert sum(lease.tokens for slot in manager.pool("a").slots for lease in slot.leases) <= capacity + 512
                for generation in list(instance.generations):
                    generation.put(Output(generation.id, [1]))
            done = {index for index, request in enumerate(requests) if len(request.tokens) >= capacity - 200}
            for index in done:
                requests[index].task.cancel()
            if len(done) == 3:
                break
        assert done == {0, 1, 2}
        await asyncio.gather(*(request.task for request in requests), return_exceptions=True)

    run(work())


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
                await anext(manager.generate("a", [1], Sampling(max_new_tokens=1), timings))

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

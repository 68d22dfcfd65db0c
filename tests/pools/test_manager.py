"""The manager with instances that the tests drive, on a clock that jumps."""

import asyncio
from dataclasses import replace

import pytest

from hardware.devices import ResolvedDevice
from instances.protocol import TokenOutput
from pools.errors import OutOfMemory, QueueFull, QueueTimeout
from tests.pools.driving import Request, answer, clock, run, settle
from tests.pools.fakes import Factory, budget_for, make_manager, served_model


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
        further = asyncio.create_task(manager.pool("a").acquire(1, "", admitted=True))  # a part of one that has begun
        await settle()
        assert not further.done()
        further.cancel()
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
        requests = [Request(manager, "a", [index], max_tokens=capacity - 200) for index in range(3)]
        done: set[int] = set()
        for _ in range(4000):
            await settle(0.01)
            for instance in factory.living:
                assert (
                    sum(
                        reservation.tokens
                        for loaded in manager.pool("a").loaded_instances
                        for reservation in loaded.reservations
                    )
                    <= capacity + 512
                )
                for generation in list(instance.generations):
                    generation.put(TokenOutput(generation.id, [1]))
            done = {index for index, request in enumerate(requests) if len(request.tokens) >= capacity - 200}
            for index in done:
                requests[index].task.cancel()
            if len(done) == 3:
                break
        assert done == {0, 1, 2}
        await asyncio.gather(*(request.task for request in requests), return_exceptions=True)

    run(work())


def test_who_waits_behind_a_request_that_leaves_is_served_at_once() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a", max_concurrent=3, instance_memory_gb=0.0001)
        manager = make_manager([a], budget_for(1, a), factory, clock)
        Request(manager, "a", max_tokens=250)
        await settle()
        large = Request(manager, "a", max_tokens=300)  # for which there is no room beside the first
        small = Request(manager, "a", max_tokens=1)
        await settle()
        assert manager.pool("a").queued == 2
        large.task.cancel()
        await settle(0.1)
        assert manager.pool("a").queued == 0
        await answer(factory.living[0])  # the first
        await answer(factory.living[0])
        assert await small.task == [7]

    run(work())

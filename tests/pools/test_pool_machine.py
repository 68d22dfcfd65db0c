"""Everything that can happen to the pools of a device, in any order, with what must always hold."""

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from instances.protocol import TokenOutput
from pools.served_model import ServedModel
from tests.pools.driving import Request
from tests.pools.fakes import Factory, FakeInstance, budget_for, make_manager, served_model
from tests.pools.virtual_time import VirtualTimeLoop

MODELS = ("a", "b", "c")


class Pools(RuleBasedStateMachine):
    """Three models, memory for two, requests that come, grow, end, leave, and instances that die."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.factory = Factory()
        models = [_model(name) for name in MODELS]
        self.budget = budget_for(2.5, models[0])
        self.manager = self._run(self._make(models))
        self.requests: list[Request] = []

    async def _make(self, models: list[ServedModel]) -> Any:
        loop = asyncio.get_running_loop()
        manager = make_manager(models, self.budget, self.factory, loop.time)
        await manager.start()
        return manager

    def _run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @property
    def working(self) -> list[FakeInstance]:
        return [instance for instance in self.factory.living if instance.generations]

    @property
    def open_requests(self) -> list[Request]:
        return [request for request in self.requests if not request.task.done()]

    @rule(model=st.sampled_from(MODELS), tokens=st.integers(1, 300))
    def ask(self, model: str, tokens: int) -> None:
        async def ask() -> Request:
            return Request(self.manager, model, max_tokens=tokens)

        self.requests.append(self._run(ask()))

    @rule(seconds=st.sampled_from([0.01, 0.2, 3.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self._run(asyncio.sleep(seconds))

    @precondition(lambda self: self.working)
    @rule(data=st.data(), tokens=st.integers(1, 200), ends=st.booleans())
    def generate(self, data: st.DataObject, tokens: int, ends: bool) -> None:
        instance = data.draw(st.sampled_from(self.working))
        generation = data.draw(st.sampled_from(instance.generations))
        generation.put(TokenOutput(generation.id, [1] * tokens, finish="stop" if ends else None))
        self._run(asyncio.sleep(0.01))

    @precondition(lambda self: self.factory.living)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.factory.living)).crash()
        self._run(asyncio.sleep(0.01))

    @precondition(lambda self: self.open_requests)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.open_requests)).task.cancel()
        self._run(asyncio.sleep(0.01))

    @rule(model=st.sampled_from(MODELS), seconds=st.sampled_from([-1.0, 0.0, 2.0, 300.0]))
    def keep_alive(self, model: str, seconds: float) -> None:
        self.manager.pool(model).keep(seconds)

    @invariant()
    def no_more_memory_is_promised_than_there_is(self) -> None:
        figures = self.budget.figures()
        assert figures.reserved <= figures.limit
        running = sum(len(pool.loaded_instances) for pool in self.manager.pools.values())
        assert running <= 2

    @invariant()
    def leases_and_requests_match(self) -> None:
        for pool in self.manager.pools.values():
            for loaded in pool.loaded_instances:
                staying = [reservation for reservation in loaded.reservations if not reservation.preempted]
                assert len(staying) <= loaded.max_requests
                assert len(staying) <= 1 or sum(reservation.tokens for reservation in staying) <= loaded.capacity
        leased = sum(pool.active for pool in self.manager.pools.values())
        queued = sum(pool.queued for pool in self.manager.pools.values())
        assert leased + queued <= len(self.open_requests)

    @invariant()
    def nobody_waits_beside_a_free_instance(self) -> None:
        for pool in self.manager.pools.values():
            first = pool.queue.first()
            if first is not None and not pool.yielding and pool.active < pool.ceiling:
                assert not any(loaded.has_room(first.tokens) for loaded in pool.loaded_instances)

    def teardown(self) -> None:
        async def finish() -> None:
            for pool in self.manager.pools.values():
                pool.keep(0.0)  # nothing is pinned any more
            for _ in range(2000):
                if not self.open_requests:
                    break
                for instance in self.working:
                    for generation in list(instance.generations):
                        generation.put(TokenOutput(generation.id, [1], finish="stop"))
                await asyncio.sleep(0.2)
            assert not self.open_requests, "a request was never answered"
            await self.manager.stop()
            await asyncio.gather(*(request.task for request in self.requests), return_exceptions=True)
            assert not self.factory.living
            assert self.budget.figures().reserved == 0

        try:
            self._run(finish())
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self._run(asyncio.sleep(1))
            self.loop.close()


def _model(name: str) -> ServedModel:
    return served_model(name, max_concurrent=3, instance_memory_gb=0.0005)


TestPools = Pools.TestCase
TestPools.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

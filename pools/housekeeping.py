"""The periodic work on one device's pools: idle time, memory pressure, hung workers, overdue waiting."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from memory.budget import MemoryBudget
from memory.pressure import PressureGauge
from memory.readings import read_pressure, read_system_memory
from pools.errors import QueueTimeout
from pools.loaded_instance import LoadedInstance
from pools.memory_scheduler import MemoryScheduler
from pools.pool import ModelPool
from pools.queue import Waiter
from pools.renewal import renew

logger = logging.getLogger(__name__)

_PERIOD_SECONDS = 0.5
_HUNG_SECONDS = 300.0
_RESTED_SECONDS = 3.0


class Housekeeping:
    """Looks after `pools` twice a second."""

    def __init__(
        self,
        pools: Mapping[str, ModelPool],
        budget: MemoryBudget,
        memory_scheduler: MemoryScheduler,
        clock: Callable[[], float],
    ) -> None:
        self._pools = pools
        self._budget = budget
        self._memory_scheduler = memory_scheduler
        self._clock = clock
        self._gauge = PressureGauge(budget.reserve_bytes, clock)

    async def run_forever(self) -> None:
        while True:
            await asyncio.sleep(_PERIOD_SECONDS)
            try:
                await self.run_once()
            except Exception:
                logger.exception("Housekeeping failed; it goes on.")

    async def run_once(self) -> None:
        now = self._clock()
        for pool in list(self._pools.values()):  # models may come and go meanwhile
            for loaded in _expired_instances(pool, now):
                logger.info("Unloading instance %d of %s: idle.", loaded.number, pool.model.public_id)
                await pool.unload(loaded, "idle")
            for loaded in list(pool.loaded_instances):
                if loaded.recycled:
                    await renew(pool, loaded)
                if loaded.reservations and loaded.instance.silent_seconds() > _HUNG_SECONDS:
                    logger.error("Instance %d of %s hangs: killed.", loaded.number, pool.model.public_id)
                    loaded.instance.kill()
            if overdue := pool.queue.overdue(now, pool.queue_seconds):
                _refuse_overdue(pool, overdue, self._memory_scheduler.describe())
        if self._budget.memory.shared_with_host:
            await self._follow_pressure()

    async def _follow_pressure(self) -> None:
        match self._gauge.advise(read_system_memory(), read_pressure()):
            case "shrink":
                await self._shrink()
            case "grow":
                for pool in self._pools.values():
                    if pool.ceiling < pool.max_active:
                        pool.ceiling = min(pool.max_active, pool.ceiling * 2)
                        logger.info("Memory is back: %s may run %d requests.", pool.model.public_id, pool.ceiling)
                        pool.dispatch()

    async def _shrink(self) -> None:
        """One idle instance goes, the least recently used; running requests are left to end, fewer begin.

        A model that only rests between two requests stays: without it no request would be served.
        """
        rested = self._clock() - _RESTED_SECONDS
        idle = [
            (pool, loaded)
            for pool in self._pools.values()
            for loaded in pool.idle_instances()
            if not loaded.pinned and loaded.idle_since <= rested
        ]
        if idle:
            pool, loaded = min(idle, key=lambda entry: entry[1].idle_since)
            logger.warning("Unloading instance %d of %s: memory is short.", loaded.number, pool.model.public_id)
            await pool.unload(loaded, "pressure")
        for pool in self._pools.values():
            if pool.loaded_instances and pool.ceiling > 1:
                pool.ceiling = max(1, min(pool.ceiling, pool.active or pool.ceiling) // 2)
                logger.warning("Memory is short: %s may run %d requests.", pool.model.public_id, pool.ceiling)


def _expired_instances(pool: ModelPool, now: float) -> list[LoadedInstance]:
    """Idle instances whose time is over, beyond the number that is always kept; that counts none which is to end at
    once."""
    expired = [
        loaded for loaded in pool.idle_instances() if not loaded.pinned and now - loaded.idle_since >= loaded.keep_alive
    ]
    at_once = [loaded for loaded in expired if loaded.keep_alive == 0]
    spare = max(0, len(pool.loaded_instances) - len(at_once) - pool.model.assignment.preload_count)
    return at_once + [loaded for loaded in expired if loaded.keep_alive > 0][:spare]


def _refuse_overdue(pool: ModelPool, waiters: list[Waiter], figures: str) -> None:
    """`figures` tells them what the memory looks like."""
    sentence = f"'{pool.model.public_id}' did not become free within {pool.queue_seconds:.0f} s. {figures}"
    for waiter in waiters:
        waiter.granted.set_exception(QueueTimeout(sentence, retry_after=10))

"""Finding room for a new instance: free memory first, then what idle ones hold, then what can be made idle."""

import asyncio
import logging
from collections.abc import Callable, Hashable, Mapping

from instances.protocol import LoadModel
from memory.budget import MemoryBudget
from memory.placement import Candidate, choose_victims
from memory.readings import GB
from notices import Notice, joined
from pools.errors import OutOfMemory
from pools.loaded_instance import LoadedInstance
from pools.memory_cost_cache import MemoryCostCache
from pools.pool import ModelPool

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.1
_OUTSIDE_PATIENCE_SECONDS = 10.0
_GRACE_SECONDS = 10.0
Victim = Candidate[tuple[ModelPool, LoadedInstance]]


class MemoryScheduler:
    """Reserves memory for instances, unloading those of other models where that is needed and allowed.

    One placement at a time; the others wait their turn.
    """

    def __init__(
        self, pools: Mapping[str, ModelPool], budget: MemoryBudget, costs: MemoryCostCache, clock: Callable[[], float]
    ) -> None:
        self._pools = pools
        self._budget = budget
        self._costs = costs
        self._clock = clock
        self._turn = asyncio.Lock()

    def cost(self, pool: ModelPool, spec: LoadModel) -> int:
        """Bytes an instance will take: measured if it ran before, else estimated; the KV cache in full either way."""
        measured = self._costs.known(spec)
        return pool.plan.total_bytes if measured is None else measured + pool.plan.kv_cache_bytes

    async def place(self, pool: ModelPool, spec: LoadModel, holder: Hashable) -> None:
        """Reserve the memory of one more instance of `pool`. Raises `OutOfMemory`."""
        async with self._turn:
            size = self.cost(pool, spec)
            self._check_limits(pool, size)
            try:
                await self._reserve(pool, holder, size)
            finally:
                for each in self._pools.values():
                    each.yielding = False
                    each.dispatch()

    async def _reserve(self, pool: ModelPool, holder: Hashable, size: int) -> None:
        gives_up_at = self._clock() + _OUTSIDE_PATIENCE_SECONDS
        while not self._budget.reserve(holder, pool.model.public_id, size):
            if pool.loaded_instances or not pool.wants_instance:
                raise self._no_room(pool, size)
            missing = size - self._budget.figures().free
            if (idle := choose_victims(self._candidates(pool, idle=True), missing)) is not None:
                await asyncio.gather(*(self._unload(victim, pool) for victim in idle))
                continue
            if (busy := choose_victims(self._candidates(pool, idle=False), missing)) is not None:
                for victim in busy:
                    victim.item[0].yielding = True
            elif self._clock() >= gives_up_at and not self._others_may_go(pool):
                raise self._no_room(pool, size)
            await asyncio.sleep(_POLL_SECONDS)

    def _others_may_go(self, claimant: ModelPool) -> bool:
        """Whether our own models hold memory that will become free: those that still load must be waited for too."""
        others = [pool for pool in self._pools.values() if pool is not claimant]
        return any(not loaded.pinned for pool in others for loaded in pool.loaded_instances) or any(
            pool.loading and pool.model.assignment.idle_timeout >= 0 for pool in others
        )

    def _candidates(self, claimant: ModelPool, *, idle: bool) -> list[Victim]:
        return [
            Candidate((pool, loaded), self._size(loaded), loaded.idle_since)
            for pool in self._pools.values()
            if pool is not claimant
            for loaded in (pool.idle_instances() if idle else pool.loaded_instances)
            if not loaded.pinned and self._has_earned_its_load(loaded)
        ]

    def _has_earned_its_load(self, loaded: LoadedInstance) -> bool:
        """Models that push each other out before they have answered anybody would never get anything done."""
        return loaded.served > 0 or self._clock() - loaded.loaded_at > _GRACE_SECONDS

    def _size(self, loaded: LoadedInstance) -> int:
        return self._budget.size(loaded.instance)

    async def _unload(self, victim: Victim, claimant: ModelPool) -> None:
        pool, loaded = victim.item
        logger.info(
            "Unloading instance %d of %s (%.2f GB) to make room for %s.",
            loaded.number,
            pool.model.public_id,
            victim.size / GB,
            claimant.model.public_id,
        )
        await pool.unload(loaded, "room")
        self._budget.release(loaded.instance)

    def _check_limits(self, pool: ModelPool, size: int) -> None:
        figures = self._budget.figures()
        if size > figures.limit:
            raise OutOfMemory(
                Notice(
                    "notices.memory_never",
                    model=pool.model.public_id,
                    size=f"{size / GB:.2f}",
                    limit=f"{figures.limit / GB:.2f}",
                )
            )
        limit = pool.model.assignment.max_total_memory_gb
        needed = (len(pool.loaded_instances) + 1) * size
        if limit is not None and needed > limit * GB:
            raise OutOfMemory(
                Notice(
                    "notices.memory_of_model",
                    model=pool.model.public_id,
                    limit=f"{limit:.2f}",
                    count=len(pool.loaded_instances) + 1,
                    needed=f"{needed / GB:.2f}",
                )
            )

    def _no_room(self, pool: ModelPool, size: int) -> OutOfMemory:
        needs = Notice("notices.memory_short", model=pool.model.public_id, size=f"{size / GB:.2f}")
        return OutOfMemory(joined(needs, self.describe()), retry_after=10)

    def describe(self) -> str:
        """A sentence with the figures: what is free and who holds what."""
        figures = self._budget.figures()
        held = {
            pool.model.public_id: sum(self._size(loaded) for loaded in pool.loaded_instances)
            for pool in self._pools.values()
            if pool.loaded_instances
        }
        holders = [f"{name} {size / GB:.2f} GB" for name, size in held.items()]
        if figures.elsewhere:
            holders.append(f"other devices {figures.elsewhere / GB:.2f} GB")
        return Notice(
            "notices.memory_figures",
            free=f"{max(0, figures.free) / GB:.2f}",
            limit=f"{figures.limit / GB:.2f}",
            holders=", ".join(holders) or Notice("notices.memory_held_by_none"),
        )

"""Loading an instance: its memory first, then its worker, once more without a damaged compile cache."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from instances.handle import Instance, InstanceLoadError, InstanceLost
from instances.protocol import LoadModel
from memory.budget import MemoryBudget
from model_files.compile_cache import CompileCache
from pools.instance_plan import load_message, without_cache
from pools.memory_cost_cache import MemoryCostCache
from pools.memory_scheduler import MemoryScheduler
from pools.pool import ModelPool
from pools.progress import Loading
from pools.served_model import ServedModel

logger = logging.getLogger(__name__)


class InstanceLoader:
    """`cache_dir`: where OpenVINO keeps what it compiled, None for nowhere."""

    def __init__(
        self,
        budget: MemoryBudget,
        scheduler: MemoryScheduler,
        costs: MemoryCostCache,
        cache_dir: Path | None,
        make_instance: Callable[[LoadModel], Instance],
    ) -> None:
        self._budget = budget
        self._scheduler = scheduler
        self._costs = costs
        self._cache_dir = cache_dir
        self._make_instance = make_instance
        self._compiled: dict[str, CompileCache] = {}
        self._releases: set[asyncio.Task[None]] = set()

    async def start(self, pool: ModelPool) -> tuple[Instance, float]:
        """The instance, and how many seconds it took. Raises `OutOfMemory`, `InstanceLoadError` and `InstanceLost`."""
        if pool.model.problem:
            raise InstanceLoadError(pool.model.problem)
        name, spec = pool.model.public_id, load_message(pool.model, pool.plan, self._cache_dir)
        cache = self._compiled.setdefault(pool.model.id, CompileCache(Path(spec.cache_dir) if spec.cache_dir else None))
        suspected = pool.crashes > 1 and cache.put_aside()
        if suspected:
            logger.warning("The instances of %s end again and again: it is compiled anew.", name)
        try:
            started = await self._load(pool, spec)
        except (InstanceLoadError, InstanceLost) as error:
            if suspected or not cache.put_aside():
                raise
            logger.warning("%s did not load with what was compiled before (%s): it is compiled anew.", name, error)
            try:
                started = await self._load(pool, spec)
            except BaseException as other:
                cache.restore(acquitted=isinstance(other, (InstanceLoadError, InstanceLost)))
                raise
            suspected = True
        if suspected:
            logger.warning("%s has loaded; its old compile cache, probably damaged, lies in %s.", name, cache.damaged)
        cache.loaded()
        return started

    async def released(self) -> None:
        """Wait until the memory of all that has ended is given back."""
        await asyncio.gather(*self._releases)

    async def _load(self, pool: ModelPool, spec: LoadModel) -> tuple[Instance, float]:
        instance = self._make_instance(spec)
        await self._scheduler.place(pool, spec, instance)
        try:
            async with self._budget.load_turn():
                compiling = self._compiles(pool.model)
                first = ", compiling it for the first time" if compiling else ""
                logger.info("Loading %s on %s%s.", pool.model.public_id, pool.model.device.used, first)
                pool.progress = Loading(time.time(), compiling)
                ready = await instance.load()
        except BaseException:
            await instance.stop()
            self._budget.release(instance)
            raise
        finally:
            pool.progress = None
        self._budget.attach(instance, instance.pid)
        # Before the first request: later the process also holds what conversations left behind.
        if (memory := self._budget.measured(instance)) is not None:
            self._costs.record(spec, without_cache(pool.model, pool.plan, memory))
        release = asyncio.create_task(self._release_when_closed(instance))
        self._releases.add(release)
        release.add_done_callback(self._releases.discard)
        seconds = ready.load_seconds + ready.warm_up_seconds
        line = "Loaded %s in %.1f s, of which the warm-up took %.1f s (process %s)."
        logger.info(line, pool.model.public_id, seconds, ready.warm_up_seconds, instance.pid)
        return instance, seconds

    def _compiles(self, model: ServedModel) -> bool:
        """Whether this load compiles what later ones find; on the CPU there is next to nothing to compile."""
        return not model.device.used.startswith("CPU") and self._compiled[model.id].empty

    async def _release_when_closed(self, instance: Instance) -> None:
        await instance.closed.wait()
        self._budget.release(instance)

"""Who runs what on one device: models and their pools, memory, idle time, and requests that survive an instance."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from instances.handle import Instance, InstanceLost, RequestRefused
from instances.messages import LoadModel, Output, Rows, Sampling, TextWork
from pools.errors import GenerationFailed, ModelNotFound, OutOfMemory
from pools.memory_budget import MemoryBudget
from pools.pool import ModelPool, Slot
from pools.served_model import GB, ServedModel, load_message, plan_instance
from pools.statistics import Statistics, Timings
from web.errors import InvalidRequest

logger = logging.getLogger(__name__)

_TICK_SECONDS = 0.5
_MAX_LOSSES_WITHOUT_PROGRESS = 3


class ModelManager:
    """The pools of one device.

    Given in: the models, the memory they may take together (bytes), where compile caches go (None: nowhere), and for
    tests the clock (monotonic seconds) and how an instance is made.
    """

    def __init__(
        self,
        models: Iterable[ServedModel],
        *,
        memory_bytes: int,
        cache_dir: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        make_instance: Callable[[LoadModel], Instance] = Instance,
    ) -> None:
        self.budget = MemoryBudget(memory_bytes)
        self.clock = clock
        self.statistics: dict[str, Statistics] = {}
        self.pools: dict[str, ModelPool] = {}
        self._cache_dir = cache_dir
        self._make_instance = make_instance
        self._load_lock = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()
        for model in models:
            plan = plan_instance(model, memory_bytes)
            self.pools[model.id] = ModelPool(model, plan, start=self._start_instance, clock=clock)
            self.statistics[model.id] = Statistics()

    async def start(self) -> None:
        """Begin the periodic work and the preloading that the assignments ask for."""
        self._spawn(self._tick_for_ever())
        for pool in self.pools.values():
            if pool.model.assignment.preload_count:
                self._spawn(self._preload_quietly(pool))

    async def stop(self) -> None:
        """End every instance."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))

    def pool(self, model_id: str) -> ModelPool:
        """The pool of a model by its own id. Raises `ModelNotFound`."""
        if model_id not in self.pools:
            raise ModelNotFound(f"The model '{model_id}' is not assigned to this device.", param="model")
        return self.pools[model_id]

    def max_request_tokens(self, model_id: str) -> int:
        """What prompt and answer of one request may have together."""
        pool = self.pool(model_id)
        if pool.model.pipeline == "llm_pipeline":
            return pool.model.context_tokens
        return min(pool.model.context_tokens, pool.plan.kv_cache_tokens)

    async def generate(
        self, model_id: str, prompt_ids: list[int], sampling: Sampling, timings: Timings
    ) -> AsyncGenerator[Output, None]:
        """The outputs of one request; the last has `finish` set. `timings` is filled in as it goes.

        When its instance is lost, the request goes on in another one from its prompt and the tokens it has. Raises
        what `ModelPool.acquire` raises, and `GenerationFailed`.
        """
        pool, statistics = self.pool(model_id), self.statistics[model_id]
        statistics.requests += 1
        timings.prompt_tokens = len(prompt_ids)
        run = _Run(prompt_ids, sampling)
        try:
            while not run.finished:
                async with aclosing(self._attempt(pool, run, timings)) as outputs:
                    async for output in outputs:
                        yield output
            statistics.completed += 1
        except (asyncio.CancelledError, GeneratorExit):
            statistics.cancelled += 1
            raise
        except Exception:
            statistics.failed += 1
            raise
        finally:
            statistics.resumed += run.losses
            timings.finished = self.clock()
            timings.generated_tokens = len(run.generated)
            statistics.record(timings)

    async def _attempt(self, pool: ModelPool, run: "_Run", timings: Timings) -> AsyncGenerator[Output, None]:
        """Generate in one instance until the answer or the instance ends."""
        tokens = run.total_tokens
        was_ready = bool(pool.slots)
        asked = self.clock()
        slot = await pool.acquire(tokens, first=run.losses > 0)
        if not was_ready:
            timings.load_seconds += self.clock() - asked
        if timings.started is None:
            timings.started = self.clock()
        progress = len(run.generated)
        try:
            async with aclosing(slot.instance.generate(run.prompt_so_far, run.remaining)) as outputs:
                async for output in outputs:
                    if output.tokens and timings.first_token is None:
                        timings.first_token = self.clock()
                    run.add(output)
                    yield output
        except RequestRefused as error:
            raise GenerationFailed(f"The model could not answer this request: {error}") from error
        except InstanceLost as error:
            logger.warning("A request of %s lost its instance: %s", pool.model.public_id, error)
            run.lose(progressed=len(run.generated) > progress)
            if run.fruitless_losses >= _MAX_LOSSES_WITHOUT_PROGRESS:
                raise GenerationFailed(
                    f"The model's instance ended {run.fruitless_losses} times in a row on this request: {error}"
                ) from error
        finally:
            pool.release(slot, tokens)

    async def compute(self, model_id: str, work: Sequence[TextWork], timings: Timings) -> AsyncGenerator[Rows, None]:
        """The rows of each slice of texts, in order. Every slice queues by itself, so that long work lets short pass.

        Raises what `ModelPool.acquire` raises, `InvalidRequest` and `GenerationFailed`.
        """
        pool, statistics = self.pool(model_id), self.statistics[model_id]
        statistics.requests += 1
        try:
            for slice_ in work:
                rows = await self._compute(pool, slice_, timings)
                timings.prompt_tokens += sum(rows.tokens)
                yield rows
            statistics.completed += 1
        except (asyncio.CancelledError, GeneratorExit):
            statistics.cancelled += 1
            raise
        except Exception:
            statistics.failed += 1
            raise
        finally:
            timings.finished = self.clock()
            statistics.record(timings)

    async def _compute(self, pool: ModelPool, work: TextWork, timings: Timings) -> Rows:
        reason: Exception | None = None
        for attempt in range(_MAX_LOSSES_WITHOUT_PROGRESS):
            was_ready, asked = bool(pool.slots), self.clock()
            slot = await pool.acquire(0, first=attempt > 0)
            timings.started = timings.started or self.clock()
            if not was_ready:
                timings.load_seconds += self.clock() - asked
            try:
                return await slot.instance.compute(work)
            except RequestRefused as error:
                raise InvalidRequest(f"The model could not take this request: {error}.", param="input") from error
            except InstanceLost as error:
                logger.warning("A request of %s lost its instance: %s", pool.model.public_id, error)
                reason = error
            finally:
                pool.release(slot, 0)
        raise GenerationFailed(f"The model's instance ended several times on this request: {reason}") from reason

    async def preload(self, model_id: str, count: int) -> int:
        """Start instances up to `count`; the number that then runs. Raises as `ModelPool.acquire`."""
        pool = self.pool(model_id)
        await pool.preload(count)
        return len(pool.slots)

    async def unload_idle(self, model_id: str | None = None) -> int:
        """End the idle instances of one model, or of all; how many were ended."""
        pools = [self.pool(model_id)] if model_id else list(self.pools.values())
        idle = [(pool, slot) for pool in pools for slot in pool.idle_slots()]
        await asyncio.gather(*(self._unload(pool, slot, "asked for") for pool, slot in idle))
        return len(idle)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = self.clock()
            for pool in self.pools.values():
                for slot in pool.expired_slots(now):
                    await self._unload(pool, slot, "idle")

    async def _preload_quietly(self, pool: ModelPool) -> None:
        try:
            await pool.preload(pool.model.assignment.preload_count)
        except Exception as error:
            logger.error("Preloading %s failed: %s", pool.model.public_id, error)

    async def _start_instance(self, pool: ModelPool) -> tuple[Instance, float]:
        async with self._load_lock:
            instance = self._make_instance(load_message(pool.model, pool.plan, self._cache_dir))
            await self._make_room(pool, instance)
            logger.info("Loading %s on %s.", pool.model.public_id, pool.model.device.used)
            try:
                ready = await instance.load()
            except BaseException:
                await instance.stop()
                self.budget.release(instance)
                raise
            self._spawn(self._release_memory_when_closed(instance))
            logger.info("Loaded %s in %.1f s (process %s).", pool.model.public_id, ready.load_seconds, instance.pid)
            return instance, ready.load_seconds + ready.warm_up_seconds

    async def _release_memory_when_closed(self, instance: Instance) -> None:
        await instance.closed.wait()
        self.budget.release(instance)

    async def _make_room(self, pool: ModelPool, instance: Instance) -> None:
        """Reserve the memory of an instance, unloading idle ones of other models, least recently used first."""
        size = pool.plan.total_bytes
        self._check_model_limit(pool)
        while not self.budget.reserve(instance, size):
            idle = [(p, slot) for p in self.pools.values() if p is not pool for slot in p.idle_slots()]
            if size > self.budget.total_bytes or not idle:
                raise OutOfMemory(self._memory_sentence(pool, size), retry_after=10)
            victim, slot = min(idle, key=lambda entry: entry[1].idle_since)
            await self._unload(victim, slot, f"to make room for {pool.model.public_id}")

    def _check_model_limit(self, pool: ModelPool) -> None:
        limit = pool.model.assignment.max_total_memory_gb
        needed = (len(pool.slots) + 1) * pool.plan.total_bytes
        if limit is not None and needed > limit * GB:
            raise OutOfMemory(
                f"'{pool.model.public_id}' may take {limit:.1f} GB (max_total_memory_gb); "
                f"{len(pool.slots) + 1} instances need about {needed / GB:.1f} GB.",
                retry_after=10,
            )

    def _memory_sentence(self, pool: ModelPool, size: int) -> str:
        running = [(p.model.public_id, len(p.slots) * p.plan.total_bytes) for p in self.pools.values() if p.slots]
        holders = [f"{name} {held / GB:.1f} GB" for name, held in running]
        return (
            f"Loading '{pool.model.public_id}' needs about {size / GB:.1f} GB, {self.budget.free_bytes / GB:.1f} GB of "
            f"{self.budget.total_bytes / GB:.1f} GB are free; held by: {', '.join(holders) or 'nobody'}."
        )

    async def _unload(self, pool: ModelPool, slot: Slot, why: str) -> None:
        logger.info("Unloading instance %d of %s (%s).", slot.number, pool.model.public_id, why)
        await pool.unload(slot)
        self.budget.release(slot.instance)


class _Run:
    """One request's prompt and what has been generated so far, over all instances that worked on it."""

    def __init__(self, prompt_ids: list[int], sampling: Sampling) -> None:
        self.generated: list[int] = []
        self.finished = False
        self.losses = 0
        self.fruitless_losses = 0
        self._prompt_ids = prompt_ids
        self._sampling = sampling

    @property
    def total_tokens(self) -> int:
        return len(self._prompt_ids) + self._sampling.max_new_tokens

    @property
    def prompt_so_far(self) -> list[int]:
        return self._prompt_ids + self.generated

    @property
    def remaining(self) -> Sampling:
        new_tokens = self._sampling.max_new_tokens - len(self.generated)
        return msgspec.structs.replace(self._sampling, max_new_tokens=new_tokens)

    def add(self, output: Output) -> None:
        self.generated += output.tokens
        self.finished = output.finish is not None

    def lose(self, *, progressed: bool) -> None:
        self.losses += 1
        self.fruitless_losses = 0 if progressed else self.fruitless_losses + 1

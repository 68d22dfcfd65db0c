"""Who runs what on one device: models and their pools, memory, idle time, and requests that survive an instance."""

import asyncio
import logging
import time
from collections import ChainMap
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from instances.handle import Instance, RequestRefused
from instances.protocol import GenerationParams, LoadModel, MultimodalPrompt, Rows, ScorePrompt, TextWork, TokenOutput
from memory.budget import MemoryBudget
from pools.arrivals import arrived
from pools.errors import ModelNotFound, ShuttingDown
from pools.generation_state import GenerationState
from pools.housekeeping import Housekeeping
from pools.instance_loader import InstanceLoader
from pools.instance_plan import load_message, plan_instance
from pools.memory_cost_cache import MemoryCostCache
from pools.memory_scheduler import MemoryScheduler
from pools.pool import ModelPool
from pools.prefix_warm_up import prefix_key, warm_up_prefixes
from pools.prompt_limit import PromptLimit, prompt_limit
from pools.prompt_scores import TokenScore, read_scores, scoring_model
from pools.request_runner import RequestRunner
from pools.served_model import ServedModel
from pools.statistics import Statistics, Timings
from pools.warm_prefixes import WarmPrefixes
from web.errors import InvalidRequest, ServiceError

logger = logging.getLogger(__name__)


class ModelManager:
    """The pools of one device.

    Given in: the models, the memory they draw from, where compile caches and measured costs are kept (None: nowhere),
    how many requests of one model may wait and for how many seconds, and for tests the clock (monotonic seconds) and
    how an instance is made.
    """

    def __init__(
        self,
        models: Iterable[ServedModel],
        budget: MemoryBudget,
        *,
        cache_dir: Path | None = None,
        max_queue: int = 256,
        queue_seconds: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
        make_instance: Callable[[LoadModel], Instance] = Instance,
    ) -> None:
        self.budget = budget
        self.clock = clock
        self.pools: dict[str, ModelPool] = {}
        self.scorers: dict[str, ModelPool] = {}
        """Of the models whose prompts were scored: a pool beside that of the answers."""
        self.statistics: dict[str, Statistics] = {}
        self.costs = MemoryCostCache(cache_dir / "memory_costs.json" if cache_dir else None)
        self.warm_prefixes = WarmPrefixes(cache_dir / "warm_prefixes.bin" if cache_dir else None)
        self._runner = RequestRunner(clock)
        self.arrivals = self._runner.arrivals
        everything = ChainMap(self.pools, self.scorers)
        self.memory_scheduler = MemoryScheduler(everything, budget, self.costs, clock)
        self._cache_dir = cache_dir
        self._max_queue = max_queue
        self._queue_seconds = queue_seconds
        self._loader = InstanceLoader(budget, self.memory_scheduler, self.costs, cache_dir, make_instance)
        self._housekeeping = Housekeeping(everything, budget, self.memory_scheduler, clock)
        self._background: set[asyncio.Task[None]] = set()
        for model in models:
            self.add_model(model)

    async def start(self) -> None:
        """Begin the periodic work and the preloading that the assignments ask for."""
        _keep(self._background, self._housekeeping.run_forever())
        for pool in self.pools.values():
            if pool.model.assignment.preload_count:
                _keep(self._background, _preload_quietly(pool))

    async def stop(self) -> None:
        """End every instance."""
        for task in list(self._background):
            task.cancel()
        stopping = ShuttingDown("This device's server is being stopped or restarted.", retry_after=5)
        await asyncio.gather(*(pool.close(stopping) for pool in (*self.pools.values(), *self.scorers.values())))
        await self._loader.released()
        self.budget.close()

    def add_model(self, model: ServedModel) -> None:
        """Offer one more model from now on; nothing changes for one that is offered already."""
        if model.id not in self.pools:
            self.pools[model.id] = self._make_pool(model)
            self.statistics[model.id] = Statistics()
            if not model.assignment.warm_prefixes:
                self.warm_prefixes.forget(prefix_key(model))

    async def remove_model(self, model_id: str) -> None:
        """Offer a model no longer: its instances end, who waits for one is refused. Raises `ModelNotFound`."""
        pool = self.pool(model_id)
        del self.pools[model_id], self.statistics[model_id]
        closing = [pool, *filter(None, [self.scorers.pop(_scorer_key(model_id), None)])]
        gone = ModelNotFound(f"The model '{pool.model.public_id}' is no longer served.", param="model")
        await asyncio.gather(*(each.close(gone) for each in closing))

    def pool(self, model_id: str) -> ModelPool:
        """The pool of a model by its own id. Raises `ModelNotFound`."""
        if model_id not in self.pools:
            raise ModelNotFound(f"The model '{model_id}' is not assigned to this device.", param="model")
        return self.pools[model_id]

    def max_request_tokens(self, model_id: str) -> int:
        """What prompt and answer of one request may have together."""
        pool = self.pool(model_id)
        if pool.model.one_at_a_time:
            return pool.model.context_tokens
        return min(pool.model.context_tokens, pool.plan.kv_cache_tokens)

    def prompt_limit(self, model: ServedModel) -> PromptLimit:
        """How long a prompt of one request may be."""
        return prompt_limit(model, self.pool(model.id).plan)

    def instance_bytes(self, model_id: str) -> int:
        """What one more instance of a model is reckoned to take: as measured if it ran before, else as planned."""
        pool = self.pool(model_id)
        return self.memory_scheduler.cost(pool, load_message(pool.model, pool.plan, self._cache_dir))

    async def generate(
        self,
        model_id: str,
        prompt_ids: list[int],
        sampling: GenerationParams,
        timings: Timings,
        *,
        client: str = "",
        multimodal: MultimodalPrompt | None = None,
        keep_alive: float | None = None,
    ) -> AsyncGenerator[TokenOutput, None]:
        """The outputs of one request; the last has `finish` set. `timings` is filled in as it goes.

        When its instance is lost or taken away, the request goes on in another one. `client` is whom the queue is fair
        to; `multimodal` is for vision-language models; `keep_alive`: see `ModelPool.acquire`. Raises what
        that raises, and `GenerationFailed`.
        """
        pool, statistics = self.pool(model_id), self.statistics[model_id]
        arrived()
        timings.prompt_tokens = len(prompt_ids)
        if multimodal is None and pool.model.warms_prefixes:
            self.warm_prefixes.note(prefix_key(pool.model), prompt_ids)
        state = GenerationState(prompt_ids, sampling, multimodal)
        with statistics.counted(timings, self.clock):
            try:
                async with aclosing(self._runner.generate(pool, state, timings, client, keep_alive)) as outputs:
                    async for output in outputs:
                        timings.generated_tokens = len(state.generated)
                        yield output
            finally:
                statistics.resumed += state.losses

    async def compute(
        self,
        model_id: str,
        work: Sequence[TextWork],
        timings: Timings,
        *,
        client: str = "",
        keep_alive: float | None = None,
    ) -> AsyncGenerator[Rows, None]:
        """The rows of each slice of texts, in order. Every slice queues by itself, so that long work lets short pass.

        Raises what `ModelPool.acquire` raises, `InvalidRequest` and `GenerationFailed`.
        """
        pool, statistics = self.pool(model_id), self.statistics[model_id]
        arrived()
        with statistics.counted(timings, self.clock):
            for slice_ in work:
                rows = await self._compute(pool, slice_, timings, client, keep_alive)
                timings.prompt_tokens += sum(rows.tokens)
                yield rows

    def scorer(self, model_id: str) -> ModelPool | None:
        """The pool of the instances that score a model's prompts, once some were."""
        return self.scorers.get(_scorer_key(model_id))

    async def score_prompt(
        self, model_id: str, ids: list[int], timings: Timings, *, top: int, client: str = ""
    ) -> list[TokenScore]:
        """How likely the model finds each of `ids`, and the `top` likeliest tokens in its place. Raises as `compute`,
        and `InvalidRequest` on a model that cannot be asked."""
        model = scoring_model(self.pool(model_id).model)
        pool = self.scorer(model_id)
        if pool is None:
            pool = self.scorers[_scorer_key(model_id)] = self._make_pool(model)
        arrived()
        with self.statistics[model_id].counted(timings, self.clock):
            timings.prompt_tokens = len(ids)
            return read_scores(ids, await self._compute(pool, ScorePrompt(0, ids, top), timings, client, None))

    @contextmanager
    def counted(self, model_id: str, timings: Timings) -> Iterator[None]:
        """Count the request that runs inside, which is one or several calls of `work`."""
        statistics = self.statistics[model_id]
        arrived()
        with statistics.counted(timings, self.clock):
            yield

    async def work(
        self,
        model_id: str,
        data: bytes,
        timings: Timings,
        *,
        client: str = "",
        keep_alive: float | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """The pieces of what a model makes of `data`, which is in the words of its kind. Raises as `compute`."""
        pool = self.pool(model_id)

        def refused(error: RequestRefused) -> ServiceError:
            return InvalidRequest(f"The model could not do this: {error}.")

        pieces = self._runner.work(pool, lambda instance: instance.work(data), timings, client, keep_alive, refused)
        async with aclosing(pieces):
            async for piece in pieces:
                timings.first_token = timings.first_token or self.clock()
                yield piece

    async def _compute(
        self, pool: ModelPool, work: TextWork, timings: Timings, client: str, keep_alive: float | None
    ) -> Rows:
        def refused(error: RequestRefused) -> ServiceError:
            if error.prompt_tokens is not None:
                limit = self.prompt_limit(pool.model)
                return limit.exceeded(error.prompt_tokens, param="input", what="the longest input")
            return InvalidRequest(f"The model could not take this request: {error}.", param="input")

        async def rows(instance: Instance) -> AsyncGenerator[Rows, None]:
            yield await instance.compute(work)

        async with aclosing(self._runner.work(pool, rows, timings, client, keep_alive, refused)) as answers:
            return await anext(answers)

    async def preload(self, model_id: str, count: int, *, keep_alive: float | None = None) -> int:
        """Start instances up to `count`; the number that then runs. `keep_alive` is set on all of them unless it is
        None. Raises as `ModelPool.acquire`."""
        pool = self.pool(model_id)
        await pool.preload(count)
        if keep_alive is not None:
            pool.keep(keep_alive)
        return len(pool.loaded_instances)

    async def unload_idle(self, model_id: str | None = None) -> int:
        """End the idle instances of one model, or of all; how many were ended."""
        pools = [self.pool(model_id)] if model_id else list(self.pools.values())
        pools += [self.scorers[key] for pool in pools if (key := _scorer_key(pool.model.id)) in self.scorers]
        idle = [(pool, loaded) for pool in pools for loaded in pool.idle_instances()]
        await asyncio.gather(*(pool.unload(loaded) for pool, loaded in idle))
        return len(idle)

    def _make_pool(self, model: ServedModel) -> ModelPool:
        plan = plan_instance(model, self.budget.figures().limit)
        return ModelPool(
            model,
            plan,
            start=self._loader.start,
            warm=partial(warm_up_prefixes, self.warm_prefixes),
            clock=self.clock,
            max_queue=self._max_queue,
            queue_seconds=self._queue_seconds,
        )


def _scorer_key(model_id: str) -> str:
    """No model's id: those hold no spaces."""
    return f"{model_id} (scores)"


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    """Run `work` as a task that `tasks` holds until it has ended."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _preload_quietly(pool: ModelPool) -> None:
    try:
        await pool.preload(pool.model.assignment.preload_count)
    except Exception as error:
        logger.error("Preloading %s failed: %s", pool.model.public_id, error)

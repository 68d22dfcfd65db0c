"""The instances of one model and the requests that wait for them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Literal, get_args

from instances.handle import Instance, InstanceLoadError, InstanceLost
from notices import Notice
from pools.errors import ModelLoadFailed, OutOfMemory, QueueFull
from pools.instance_plan import InstancePlan
from pools.loaded_instance import KVReservation, LoadedInstance
from pools.progress import Loading
from pools.queue import FairQueue, Waiter
from pools.retry_backoff import RetryBackoff
from pools.served_model import ServedModel
from pools.statistics import Timings
from web.errors import ServiceError
from web.request_id import current_request_id

logger = logging.getLogger(__name__)

PoolState = Literal["unloaded", "loading", "ready", "failed"]
EndReason = Literal["asked", "idle", "room", "pressure", "lost", "recycled"]


class ModelPool:
    """Grants reservations in the queue's order; starts an instance when none has room and the model may have one more.

    `start` finds room for an instance and loads it: the instance and the seconds it took. It raises `OutOfMemory` when
    there is no room and waiting would not help, `InstanceLoadError`, and `InstanceLost`.

    `clock` returns monotonic seconds. `ceiling` is how many requests may run at once: the manager lowers it under
    memory pressure. While `yielding` is set nothing new is granted, so that the instances become idle and can make
    room for another model.
    """

    def __init__(
        self,
        model: ServedModel,
        plan: InstancePlan,
        *,
        start: Callable[["ModelPool"], Coroutine[Any, Any, tuple[Instance, float]]],
        warm: Callable[["ModelPool", LoadedInstance], Coroutine[Any, Any, None]] | None = None,
        clock: Callable[[], float],
        max_queue: int = 256,
        queue_seconds: float = 300.0,
    ) -> None:
        self.model = model
        self.plan = plan
        self.loaded_instances: list[LoadedInstance] = []
        self.queue = FairQueue()
        self.max_active = model.max_instances * model.requests_per_instance
        self.ceiling = self.max_active
        self.yielding = False
        self._start = start
        self._warm = warm
        self._clock = clock
        self._max_queue = max_queue
        self.queue_seconds = queue_seconds
        self._loading: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._wanted = 0
        self._no_room = False
        self._closed_by: ServiceError | None = None
        self._backoff = RetryBackoff()
        self._last_number = 0
        self.progress: Loading | None = None
        self.ends: Counter[EndReason] = Counter(dict.fromkeys(get_args(EndReason), 0))

    @property
    def state(self) -> PoolState:
        if self.loaded_instances:
            return "ready"
        if self._loading is not None:
            return "loading"
        return "failed" if self.error else "unloaded"

    @property
    def error(self) -> str | None:
        """Why no instance could be loaded, until one can."""
        return self._backoff.error

    @property
    def crashes(self) -> int:
        """How many instances have ended in a row without having said anything."""
        return self._backoff.crashes

    @property
    def active(self) -> int:
        return sum(loaded.active for loaded in self.loaded_instances)

    @property
    def queued(self) -> int:
        return len(self.queue)

    @property
    def loading(self) -> bool:
        return self._loading is not None

    @property
    def wants_instance(self) -> bool:
        """Whether requests are still waiting for an instance."""
        return self.queue.first() is not None or len(self.loaded_instances) < self._wanted

    async def acquire(
        self,
        tokens: int,
        client: str,
        *,
        returned: bool = False,
        admitted: bool = False,
        timings: Timings | None = None,
        keep_alive: float | None = None,
    ) -> KVReservation:
        """A reservation on an instance with room for `tokens` of KV cache; end it by `release`.

        `returned`: the request has lost its instance and goes before those that have not had one. `admitted`: this is
        for a further part of a request, which is not refused halfway because others fill the queue. `timings` can tell
        its place in the queue meanwhile. `keep_alive`: see `LoadedInstance`; None leaves the instance's own. Raises
        `QueueFull`, `QueueTimeout`, `OutOfMemory`, `ModelLoadFailed`; once the pool is closed, what `close` was given.
        """
        if self._closed_by is not None:
            raise self._closed_by
        if not (returned or admitted) and self.queued >= self._max_queue:
            raise QueueFull(
                f"The queue of '{self.model.public_id}' is full: {self.queued} requests wait. Try again later.",
                retry_after=5,
            )
        if self.state == "failed" and self._backoff.pausing(self._clock()):
            raise self._load_error()
        waiter = Waiter(tokens, client, self._clock(), request_id=current_request_id(), keep_alive=keep_alive)
        self.queue.add(waiter, returned=returned)
        self.dispatch()
        try:
            if timings is not None:
                timings.queue_position = lambda: self.queue.position(waiter)
            return await waiter.granted
        except asyncio.CancelledError:
            if waiter.granted.done() and not waiter.granted.cancelled() and waiter.granted.exception() is None:
                self.release(waiter.granted.result())
            waiter.granted.cancel()
            self.dispatch()  # who came after it may need less
            raise
        finally:
            if timings is not None:
                timings.queue_position = None

    def release(self, reservation: KVReservation) -> None:
        """Give back what `acquire` gave."""
        reservation.loaded.reservations.remove(reservation)
        reservation.loaded.idle_since = self._clock()
        self._no_room = False
        self.dispatch()

    def dispatch(self) -> None:
        """Grant what can be granted; start an instance if requests are still waiting."""
        while not self.yielding and self.active < self.ceiling and (waiter := self.queue.first()):
            loaded = self._instance_for(waiter.tokens)
            if loaded is None:
                break
            self.queue.pop()
            if waiter.keep_alive is not None:
                loaded.keep_alive = waiter.keep_alive
            waiter.granted.set_result(loaded.reserve(waiter.tokens))
        waits = self.queue.first() is not None and (not self.loaded_instances or self.active < self.ceiling)
        if self._loading is None and (waits or len(self.loaded_instances) < self._wanted):
            self._grow()

    async def preload(self, count: int) -> None:
        """Have at least `count` instances, as far as the model's kind and memory allow. Raises as `acquire`."""
        self._backoff.forgive()
        self._wanted = min(count, self.model.max_instances)
        while len(self.loaded_instances) < self._wanted:
            before = len(self.loaded_instances)
            self.dispatch()
            if self._loading is not None:
                await asyncio.shield(self._loading)
            if len(self.loaded_instances) <= before:
                break
        self._wanted = 0
        if self.error:
            raise self._load_error()

    def idle_instances(self) -> list[LoadedInstance]:
        if self.queue.first() is not None and not self.yielding:
            return []
        return [loaded for loaded in self.loaded_instances if not loaded.reservations]

    def keep(self, seconds: float) -> None:
        """Set how long the current instances stay when idle; negative: never unload."""
        for loaded in self.loaded_instances:
            loaded.keep_alive = seconds

    @property
    def loads(self) -> int:
        """How many instances were loaded so far."""
        return self._last_number

    async def unload(self, loaded: LoadedInstance, why: EndReason = "asked") -> None:
        """End an instance; its memory is free when this returns."""
        if loaded in self.loaded_instances:
            self.loaded_instances.remove(loaded)
            self.ends[why] += 1
        await loaded.instance.stop()

    def run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` as a task that `close` waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, error: ServiceError) -> None:
        """End all instances and refuse waiting and new requests with `error`."""
        self._closed_by = error
        self.queue.refuse(error)
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait([self._loading])
        await asyncio.gather(*(self.unload(loaded) for loaded in list(self.loaded_instances)))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _instance_for(self, tokens: int) -> LoadedInstance | None:
        # One that has ended is among the instances until its watcher has a turn.
        free = [
            loaded
            for loaded in self.loaded_instances
            if loaded.has_room(tokens) and not loaded.recycled and not loaded.instance.closed.is_set()
        ]
        return min(free, key=lambda loaded: loaded.active, default=None)

    def _grow(self) -> None:
        closed = self._closed_by is not None
        if (
            len(self.loaded_instances) < self.model.max_instances
            and not closed
            and not (self.loaded_instances and self._no_room)
        ):
            self._loading = asyncio.create_task(self._load())
            self._loading.add_done_callback(self._loaded)

    def _loaded(self, task: asyncio.Task[None]) -> None:
        self._loading = None
        if not task.cancelled():
            self.dispatch()

    async def _load(self) -> None:
        try:
            instance, seconds = await self._start(self)
        except OutOfMemory as error:
            # Those who wait can still be served, one after the other, by the instances there are.
            self._wanted, self._no_room = 0, True
            if not self.loaded_instances:
                self.queue.refuse(error)
            return
        except InstanceLoadError as error:
            self._fail(str(error))
            return
        except InstanceLost as error:
            self._count_crash(str(error), productive=False)
            return
        self._backoff.loaded()
        self._last_number += 1
        now = self._clock()
        limit = self.model.requests_per_instance
        stays = self.model.assignment.idle_timeout
        loaded = LoadedInstance(self._last_number, instance, self.plan.kv_cache_tokens, limit, now, now, seconds, stays)
        self.loaded_instances.append(loaded)
        self.run_in_background(self._watch(loaded))
        if self._warm is not None:
            self.run_in_background(self._warm(self, loaded))
        self.dispatch()

    async def _watch(self, loaded: LoadedInstance) -> None:
        await loaded.instance.closed.wait()
        if loaded not in self.loaded_instances:
            return
        self.loaded_instances.remove(loaded)
        self.ends["lost"] += 1
        reason = loaded.instance.end_reason()
        logger.warning("Instance %d of %s ended unexpectedly: %s", loaded.number, self.model.public_id, reason)
        self._count_crash(reason, productive=loaded.productive)
        self.dispatch()

    def _count_crash(self, reason: str, *, productive: bool) -> None:
        in_a_row = self._backoff.crashed(productive=productive)
        if self._backoff.hopeless and not self.loaded_instances:
            self._fail(Notice("notices.instances_ended", count=in_a_row, reason=reason))

    def _fail(self, reason: str) -> None:
        self._backoff.failed(reason, self._clock())
        self._wanted = 0
        logger.error("%s failed: %s", self.model.public_id, reason)
        self.queue.refuse(self._load_error())

    def _load_error(self) -> ModelLoadFailed:
        return ModelLoadFailed(f"The model '{self.model.public_id}' could not be loaded: {self.error}")

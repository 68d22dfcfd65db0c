"""The instances of one model and the requests that wait for them."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from instances.handle import Instance, InstanceLoadError
from pools.errors import ModelLoadFailed, OutOfMemory, QueueFull
from pools.served_model import InstancePlan, ServedModel

logger = logging.getLogger(__name__)

PoolState = Literal["unloaded", "loading", "ready", "failed"]
MAX_WAITING = 256
_RETRY_LOAD_AFTER = 10.0


@dataclass(eq=False)
class Slot:
    """A running instance with what is promised of it. `idle_since` is the clock's time of the last release."""

    number: int
    instance: Instance
    idle_since: float
    load_seconds: float
    active: int = 0
    reserved_tokens: int = 0


@dataclass(eq=False)
class _Waiter:
    tokens: int
    granted: asyncio.Future[Slot] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class ModelPool:
    """Hands out slots in order of asking, starts an instance when none is free and memory allows one more.

    `start` loads a new instance (it may take seconds); it raises `OutOfMemory` when there is no room for one and
    `InstanceLoadError` when the model cannot be loaded. `clock` returns monotonic seconds.
    """

    def __init__(
        self,
        model: ServedModel,
        plan: InstancePlan,
        *,
        start: Callable[["ModelPool"], Awaitable[tuple[Instance, float]]],
        clock: Callable[[], float],
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self.model = model
        self.plan = plan
        self.slots: list[Slot] = []
        self.keep_alive = model.assignment.idle_timeout
        self.last_used = clock()
        self.error: str | None = None
        self._start = start
        self._clock = clock
        self._max_waiting = max_waiting
        self._waiting: deque[_Waiter] = deque()
        self._loading: asyncio.Task[None] | None = None
        self._watchers: set[asyncio.Task[None]] = set()
        self._failed_at = 0.0
        self._wanted = 0
        self._no_room = False
        self._numbers = 0

    @property
    def state(self) -> PoolState:
        if self.slots:
            return "ready"
        if self._loading is not None:
            return "loading"
        return "failed" if self.error else "unloaded"

    @property
    def active(self) -> int:
        return sum(slot.active for slot in self.slots)

    @property
    def queued(self) -> int:
        return len(self._waiting)

    @property
    def loading(self) -> bool:
        return self._loading is not None

    async def acquire(self, tokens: int, *, first: bool = False) -> Slot:
        """A slot with room for `tokens` of KV cache; give it back by `release`.

        `first` puts a request that lost its instance before those that still wait for theirs. Raises `QueueFull`,
        `OutOfMemory` and `ModelLoadFailed`.
        """
        if len(self._waiting) >= self._max_waiting and not first:
            raise QueueFull(
                f"The queue of '{self.model.public_id}' is full: {len(self._waiting)} requests wait. Try again later.",
                retry_after=5,
            )
        if self.state == "failed" and self._clock() - self._failed_at < _RETRY_LOAD_AFTER:
            raise self._load_error()
        waiter = _Waiter(tokens)
        (self._waiting.appendleft if first else self._waiting.append)(waiter)
        self.last_used = self._clock()
        self.dispatch()
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            if waiter.granted.done() and not waiter.granted.cancelled() and waiter.granted.exception() is None:
                self.release(waiter.granted.result(), tokens)
            elif waiter in self._waiting:
                self._waiting.remove(waiter)
            raise

    def release(self, slot: Slot, tokens: int) -> None:
        """Give back what `acquire` gave."""
        slot.active -= 1
        slot.reserved_tokens -= tokens
        slot.idle_since = self.last_used = self._clock()
        self._no_room = False
        self.dispatch()

    def dispatch(self) -> None:
        """Grant what can be granted; start an instance if somebody still waits."""
        while self._waiting:
            waiter = self._waiting[0]
            if waiter.granted.done():  # its client has left
                self._waiting.popleft()
                continue
            slot = self._slot_for(waiter.tokens)
            if slot is None:
                break
            self._waiting.popleft()
            slot.active += 1
            slot.reserved_tokens += waiter.tokens
            waiter.granted.set_result(slot)
        if self._loading is None and (self._waiting or len(self.slots) < self._wanted):
            self._grow()

    async def preload(self, count: int) -> None:
        """Have at least `count` instances, as far as the model's kind and memory allow. Raises as `acquire`."""
        self._wanted = min(count, self.model.max_instances)
        while len(self.slots) < self._wanted:
            before = len(self.slots)
            self.dispatch()
            if self._loading is not None:
                await asyncio.shield(self._loading)
            if len(self.slots) == before:
                self._wanted = before
                if self.error:
                    raise self._load_error()
        self._wanted = 0

    def idle_slots(self) -> list[Slot]:
        return [] if self._waiting else [slot for slot in self.slots if slot.active == 0]

    def expired_slots(self, now: float) -> list[Slot]:
        """Idle slots whose time is over, beyond the number that is always kept."""
        if self.keep_alive < 0:
            return []
        kept = self.model.assignment.preload_count if self.keep_alive else 0
        spare = max(0, len(self.slots) - kept)
        return [slot for slot in self.idle_slots() if now - slot.idle_since >= self.keep_alive][:spare]

    async def unload(self, slot: Slot) -> None:
        """End an instance; its memory is free when this returns."""
        if slot in self.slots:
            self.slots.remove(slot)
        await slot.instance.stop()

    async def close(self) -> None:
        """End all instances and refuse who waits."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait([self._loading])
        for waiter in self._waiting:
            waiter.granted.cancel()
        self._waiting.clear()
        await asyncio.gather(*(self.unload(slot) for slot in list(self.slots)))
        await asyncio.gather(*self._watchers, return_exceptions=True)

    def _slot_for(self, tokens: int) -> Slot | None:
        capacity = self.plan.kv_cache_tokens
        limit = self.model.requests_per_instance
        free = [
            slot
            for slot in self.slots
            if slot.active < limit and (slot.reserved_tokens + tokens <= capacity or slot.active == 0)
        ]
        return min(free, key=lambda slot: slot.active, default=None)

    def _grow(self) -> None:
        if len(self.slots) < self.model.max_instances and not (self.slots and self._no_room):
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
            self._wanted = 0
            self._no_room = True
            if not self.slots:
                self._refuse_waiting(error)
            return
        except InstanceLoadError as error:
            self.error = str(error)
            self._failed_at = self._clock()
            logger.error("Loading %s failed: %s", self.model.public_id, error)
            self._wanted = 0
            self._refuse_waiting(self._load_error())
            return
        self.error = None
        self._numbers += 1
        slot = Slot(self._numbers, instance, self._clock(), seconds)
        self.slots.append(slot)
        watcher = asyncio.create_task(self._watch(slot))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)

    async def _watch(self, slot: Slot) -> None:
        await slot.instance.closed.wait()
        if slot in self.slots:
            logger.warning("Instance %d of %s ended unexpectedly.", slot.number, self.model.public_id)
            self.slots.remove(slot)
            self.dispatch()

    def _refuse_waiting(self, error: Exception) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.granted.done():
                waiter.granted.set_exception(error)

    def _load_error(self) -> ModelLoadFailed:
        return ModelLoadFailed(f"The model '{self.model.public_id}' could not be loaded: {self.error}")

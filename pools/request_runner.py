"""Requests on the instances of a pool; one whose instance is lost goes on in another."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import TypeVar

from instances.handle import Instance, InstanceLost, RequestRefused
from instances.protocol import TokenOutput
from pools.arrivals import ArrivalCounter
from pools.errors import GenerationFailed
from pools.generation_state import GenerationState
from pools.instance_plan import settings_for_more_cache
from pools.loaded_instance import KVReservation
from pools.pool import ModelPool
from pools.statistics import Timings
from web.errors import InvalidRequest, ServiceError

logger = logging.getLogger(__name__)

_MAX_LOSSES = 3
"""Without progress in between."""

T = TypeVar("T")


class RequestRunner:
    """For all pools of one device. `clock`: monotonic seconds. What it runs raises what `ModelPool.acquire` raises, and
    `GenerationFailed`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.arrivals = ArrivalCounter()
        self._clock = clock
        # Two generations at once on one NPU end in DEVICE_LOST and take the process with them.
        self._npu_turn = asyncio.Lock()

    async def generate(
        self, pool: ModelPool, state: GenerationState, timings: Timings, client: str, keep_alive: float | None
    ) -> AsyncGenerator[TokenOutput, None]:
        """The outputs until `state` is finished. Raises `InvalidRequest` too."""
        while not state.finished:
            reservation = await self._reserve(
                pool, state.tokens_to_begin, timings, client, keep_alive, again=state.losses > 0
            )
            async with aclosing(self._attempt(pool, reservation, state, timings)) as outputs:
                async for output in outputs:
                    if output.evicted_tokens and not timings.evicted_tokens:
                        _note_evicted(pool, timings, output.evicted_tokens)
                    yield output

    async def work(
        self,
        pool: ModelPool,
        ask: Callable[[Instance], AsyncGenerator[T, None]],
        timings: Timings,
        client: str,
        keep_alive: float | None,
        refused: Callable[[RequestRefused], ServiceError],
    ) -> AsyncGenerator[T, None]:
        """What `ask` gives of an instance. Asked again it gives the same, so that what was given is left out. Raises
        what `refused` makes too."""
        reason: Exception | None = None
        given = 0
        for attempt in range(_MAX_LOSSES):
            reservation = await self._reserve(pool, 0, timings, client, keep_alive, again=attempt > 0)
            try:
                async with self._turn(pool), aclosing(ask(reservation.loaded.instance)) as pieces:
                    number = 0
                    async for piece in pieces:
                        reservation.loaded.productive = True
                        number += 1
                        if number > given:
                            given = number
                            yield piece
                    reservation.loaded.productive = True
                    return
            except RequestRefused as error:
                raise refused(error) from error
            except InstanceLost as error:
                logger.warning("A request of %s lost its instance: %s", pool.model.public_id, error)
                reason = error
            finally:
                pool.release(reservation)
        raise GenerationFailed(f"The model's instance ended several times on this request: {reason}") from reason

    async def _reserve(
        self, pool: ModelPool, tokens: int, timings: Timings, client: str, keep_alive: float | None, *, again: bool
    ) -> KVReservation:
        """`again`: the request had an instance that was lost, and goes before those that have not."""
        was_ready, asked = bool(pool.loaded_instances), self._clock()
        admitted = timings.started is not None
        reservation = await pool.acquire(
            tokens, client, returned=again, admitted=admitted, timings=timings, keep_alive=keep_alive
        )
        now = self._clock()
        if not was_ready:
            timings.load_seconds += now - asked
        if timings.started is None:
            timings.started = now
        return reservation

    def _turn(self, pool: ModelPool) -> AbstractAsyncContextManager[None]:
        return self._npu_turn if pool.model.needs_device_turn else nullcontext()

    async def _attempt(
        self, pool: ModelPool, reservation: KVReservation, state: GenerationState, timings: Timings
    ) -> AsyncGenerator[TokenOutput, None]:
        """Generate in one instance until the answer, the instance or the reservation ends."""
        state.begin_attempt()
        timings.pace.move()
        loaded = reservation.loaded
        if state.sampling.structure is not None:
            loaded.note_structure(state.sampling.structure, state.sampling.structure_bytes)
        try:
            if not (loaded.instance.busy or pool.model.one_at_a_time):
                await self.arrivals.settle()  # who begins alone keeps the others waiting for a whole step
            async with self._turn(pool):
                with loaded.instance.generate(state.prompt_ids, state.sampling, state.multimodal) as generation:
                    reservation.on_preempted = None if state.bound_to_grammar else generation.cancel
                    async for output in generation:
                        if output.tokens and timings.first_token is None:
                            timings.first_token = self._clock()
                        timings.pace.deliver(len(output.tokens), generation.at)
                        if output.finish == "cancelled":
                            state.losses += 1
                            return
                        loaded.productive = True
                        yield state.add(output)
                        reservation.cover(state.tokens)
        except RequestRefused as error:
            sentence = f"The model could not answer this request: {error}"
            raise (
                InvalidRequest(sentence, param="messages") if state.multimodal else GenerationFailed(sentence)
            ) from error
        except InstanceLost as error:
            logger.warning("A request of %s lost its instance: %s", pool.model.public_id, error)
            state.lose()
            if state.complete:
                state.finished = True
                yield TokenOutput(0, [], finish="length")
                return
            _check_resumable(state, error)
        finally:
            pool.release(reservation)


def _note_evicted(pool: ModelPool, timings: Timings, tokens: int) -> None:
    timings.evicted_tokens = tokens
    timings.larger_cache = settings_for_more_cache(pool.model, pool.plan)
    logger.warning(
        "%s computed %d of a conversation's %d tokens again: its KV cache of %d tokens had given them to others. "
        "Settings that help: %s.",
        *(pool.model.public_id, tokens, timings.prompt_tokens, pool.plan.kv_cache_tokens),
        ", ".join(timings.larger_cache),
    )


def _check_resumable(state: GenerationState, error: InstanceLost) -> None:
    """Raises `GenerationFailed` for a request that cannot go on in another instance."""
    if state.generated and state.bound_to_grammar:
        raise GenerationFailed(
            "The model's instance was lost in the middle of an answer of a prescribed form, which cannot be "
            f"continued elsewhere ({error}). Please ask again."
        ) from error
    if state.losses_without_progress >= _MAX_LOSSES:
        sentence = f"The model's instance ended {state.losses_without_progress} times on this request: {error}"
        raise GenerationFailed(sentence) from error

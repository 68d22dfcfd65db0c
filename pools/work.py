"""Work that is asked of one instance and, when that is lost, again of another."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Protocol, TypeVar

from instances.handle import Instance, InstanceLost, RequestRefused
from pools.errors import GenerationFailed
from pools.loaded_instance import KVReservation
from web.errors import ServiceError

logger = logging.getLogger(__name__)

_MAX_LOSSES = 3

T = TypeVar("T")


class Reserve(Protocol):
    """Waits for an instance. `again`: the work had one that was lost, and goes before those that have not."""

    async def __call__(self, *, again: bool) -> KVReservation: ...


async def done_again_when_lost(
    ask: Callable[[Instance], AsyncGenerator[T, None]],
    reserve: Reserve,
    release: Callable[[KVReservation], None],
    *,
    name: str,
    turn: Callable[[], AbstractAsyncContextManager[object]],
    refused: Callable[[RequestRefused], ServiceError],
) -> AsyncGenerator[T, None]:
    """What `ask` gives of an instance. Asked again it gives the same, so that what was given is left out. `turn` is
    entered while the instance works. Raises what `reserve` raises, what `refused` makes, and `GenerationFailed`."""
    reason: Exception | None = None
    given = 0
    for attempt in range(_MAX_LOSSES):
        reservation = await reserve(again=attempt > 0)
        try:
            async with turn(), aclosing(ask(reservation.loaded.instance)) as pieces:
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
            logger.warning("A request of %s lost its instance: %s", name, error)
            reason = error
        finally:
            release(reservation)
    raise GenerationFailed(f"The model's instance ended several times on this request: {reason}") from reason

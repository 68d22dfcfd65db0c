"""Another instance in the place of one that is to be recycled."""

import logging
from contextlib import suppress

from pools.loaded_instance import LoadedInstance
from pools.pool import ModelPool
from web.errors import ServiceError

logger = logging.getLogger(__name__)


async def renew(pool: ModelPool, loaded: LoadedInstance) -> None:
    """Recycle an instance: what can go on elsewhere leaves it; once it is idle another takes its place. To be called
    again until it is gone."""
    if not pool.model.one_at_a_time:
        for reservation in loaded.reservations:
            reservation.preempt()
    if not loaded.reservations:
        logger.info("Renewing instance %d of %s: it holds many grammars.", loaded.number, pool.model.public_id)
        count = len(pool.loaded_instances)
        await pool.unload(loaded, "recycled")
        pool.run_in_background(_replace(pool, count, loaded.keep_alive))


async def _replace(pool: ModelPool, count: int, keep_alive: float) -> None:
    others = list(pool.loaded_instances)
    with suppress(ServiceError):  # who asks for the model is told
        await pool.preload(count)
    for loaded in pool.loaded_instances:
        if loaded not in others:
            loaded.keep_alive = keep_alive

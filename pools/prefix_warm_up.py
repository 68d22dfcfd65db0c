"""A new instance reads, while it has nothing else to do, what the prompts of its model were seen to begin with."""

import logging

from instances.handle import InstanceLost, RequestRefused
from instances.protocol import GenerationParams
from pools.loaded_instance import LoadedInstance
from pools.pool import ModelPool
from pools.served_model import ServedModel
from pools.warm_prefixes import WarmPrefixes

logger = logging.getLogger(__name__)


def prefix_key(model: ServedModel) -> str:
    """Token ids mean something only to the files they were made with."""
    return f"{model.id} {model.facts.size_bytes}"


async def warm_up_prefixes(prefixes: WarmPrefixes, pool: ModelPool, loaded: LoadedInstance) -> None:
    """Read them into the prefix cache of `loaded`, up to half of it, until a request needs it."""
    left = pool.plan.kv_cache_tokens // 2
    for ids in prefixes.of(prefix_key(pool.model)) if pool.model.warms_prefixes else ():
        left -= len(ids)
        if left < 0 or loaded.reservations or pool.queue.first() is not None or loaded.instance.closed.is_set():
            return
        reservation = loaded.reserve(len(ids) + 1)
        try:
            # A model with a draft has two pipelines: the second of these is for the one without.
            for temperature in (0.0, 1.0) if pool.model.drafting else (0.0,):
                sampling = GenerationParams(max_tokens=1, temperature=temperature)
                with loaded.instance.generate(ids, sampling) as generation:
                    reservation.on_preempted = generation.cancel
                    async for _ in generation:
                        pass
        except (InstanceLost, RequestRefused) as error:
            logger.info("%s did not read what prompts begin with: %s", pool.model.public_id, error)
            return
        finally:
            pool.release(reservation)

"""Following a conversion that runs in this process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from administration.pulls import JobState, follow
from conversion.conversions import Conversions
from conversion.jobs import ConversionRequest


async def convert_here(conversions: Conversions, request: ConversionRequest) -> AsyncGenerator[JobState, None]:
    """Convert in this process. Whoever stops following pauses it: what was downloaded is kept for the next time.
    Raises `RegistryError`."""
    job = conversions.convert(request)

    async def look(job_id: str) -> JobState:
        found = conversions.job(job_id)
        return (found if found.active else await conversions.settled(job_id)).as_dict()

    try:
        async with contextlib.aclosing(follow(job.as_dict(), look)) as states:
            async for state in states:
                yield state
    finally:
        if conversions.job(job.id).active:
            conversions.pause(job.id)
            await conversions.settled(job.id)

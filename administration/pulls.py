"""Following a pull: the states of its job as they come, wherever the job runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from administration.errors import AdministrationError
from model_registry import ModelRegistry

FINAL = ("ready", "failed", "cancelled", "paused")
_POLL_SECONDS = 0.3

JobState = dict[str, Any]
"""As `PullJob.as_dict` has it, which is the admin's wire."""


async def follow(job: JobState, look: Callable[[str], Awaitable[JobState]]) -> AsyncGenerator[JobState, None]:
    """`job`, then what `look` says of its id three times a second; the last state is one of `FINAL`."""
    while True:
        yield job
        if job["state"] in FINAL:
            return
        await asyncio.sleep(_POLL_SECONDS)
        job = await look(job["id"])


async def pull_here(
    registry: ModelRegistry, model_id: str, revision: str | None = None
) -> AsyncGenerator[JobState, None]:
    """Pull in this process. Whoever stops following pauses it: what is there is kept for the next time. Raises
    `RegistryError`."""
    job = registry.pull(model_id, revision)

    async def look(job_id: str) -> JobState:
        found = registry.job(job_id)
        return (found if found.active else await registry.settled(job_id)).as_dict()

    try:
        async with contextlib.aclosing(follow(job.as_dict(), look)) as states:
            async for state in states:
                yield state
    finally:
        if registry.job(job.id).active:
            registry.pause(job.id)
            await registry.settled(job.id)


def failure(job: JobState) -> AdministrationError | None:
    """Why a pull has failed, where it has."""
    error = job["error"]
    if job["state"] != "failed" or error is None:
        return None
    return AdministrationError(error["status"], error["type"], message=error["message"])

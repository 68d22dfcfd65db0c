"""The JSON API for the first steps: whether they are shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from admin.api.requests import Body
from admin.api.responses import FirstStepsTaken
from admin.live.feed import LiveFeed
from admin.live.steps_taken import StepsFile
from web.openapi import answer


class StepsChange(Body):
    hidden: bool


def first_steps_router(steps: StepsFile, feed: LiveFeed) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.post("/first_steps", responses=answer(FirstStepsTaken))
    async def show_or_hide(body: StepsChange) -> dict[str, Any]:
        """Hide the first steps on the page, or show them again. Steps that are done stay done."""
        steps.note(hidden=body.hidden)
        feed.poke()
        return asdict(steps.taken)

    return router

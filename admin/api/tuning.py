"""The JSON API for tuning."""

from __future__ import annotations

from fastapi import APIRouter

from admin.api.requests import TuneRequest
from admin.api.responses import REFUSED, TuningStarted
from admin.live.feed import LiveFeed
from administration.tuning import TuningRuns
from web.openapi import answer


def tuning_router(runs: TuningRuns, feed: LiveFeed) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.post("/tune", status_code=202, responses=REFUSED | answer(TuningStarted, status=202))
    async def tune(body: TuneRequest) -> dict[str, str]:
        """Begin to measure; what comes of it shows with the model in /api/status."""
        runs.begin(body.device, body.model, body.work)
        feed.poke()
        return {"device": body.device, "model": body.model, "state": "running"}

    return router

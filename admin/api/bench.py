"""The JSON API for measuring a model's speed."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field

from admin.api.requests import Body
from admin.api.responses import REFUSED, TuningStarted
from admin.live.bench_runs import BenchRuns
from admin.live.feed import LiveFeed
from web.openapi import answer


class BenchRequest(Body):
    """`quick`: prompts of 128 and 512 tokens, 1 and 8 streams only."""

    device: str = Field(min_length=1, max_length=255)
    model: str = Field(min_length=1, max_length=255)
    quick: bool = True


class BenchReports(BaseModel):
    """Newest first, each as `bench` writes it, with the device's name beside it."""

    running: list[str] | None
    error: str | None
    reports: list[dict[str, Any]]


def bench_router(runs: BenchRuns, feed: LiveFeed) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.get("/bench", responses=answer(BenchReports))
    async def reports() -> dict[str, Any]:
        status = runs.status
        found = [{"device": each.device, "report": msgspec.to_builtins(each.report)} for each in status.reports]
        return {"running": status.running, "error": str(status.error) or None, "reports": found}

    @router.post("/bench", status_code=202, responses=REFUSED | answer(TuningStarted, status=202))
    async def measure(body: BenchRequest) -> dict[str, str]:
        """Begin to measure in an instance of its own; what comes of it is among the reports."""
        runs.begin(body.device, body.model, quick=body.quick)
        feed.poke()
        return {"device": body.device, "model": body.model, "state": "running"}

    return router

"""The charts' figures, and the totals by model and key."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from admin.live.usage_recorder import UsageRecorder
from administration.errors import AdministrationError
from keys.access import Access
from keys.errors import KeysUnreadable
from usage.charts import charts
from usage.spans import SPANS
from usage.store import UsageStore
from web.openapi import answer

T = TypeVar("T")
SpanName = Literal["5m", "1h", "24h", "30d"]


class CurveAnswer(BaseModel):
    """Both names are empty for the sum of those that have no curve of their own. A value is null where nothing is
    known."""

    device: str
    model: str
    values: list[float | None]


class ChartAnswer(BaseModel):
    name: Literal["tokens_per_second", "requests_per_minute", "first_token_seconds", "memory_bytes", "queued"]
    curves: list[CurveAnswer]


class ChartsAnswer(BaseModel):
    """`times`: seconds since the epoch at which the buckets begin."""

    span: SpanName
    step_seconds: int
    times: list[int]
    charts: list[ChartAnswer]


class TotalAnswer(BaseModel):
    """`key` is the id of an API key, empty where none was presented; `key_name` is null once it is revoked."""

    device: str
    model: str
    key: str
    key_name: str | None
    requests: int
    failed: int
    prompt_tokens: int
    generated_tokens: int


class TotalsAnswer(BaseModel):
    since: date
    totals: list[TotalAnswer]


def usage_router(store: UsageStore, recorder: UsageRecorder, access: Access) -> APIRouter:
    router = APIRouter(prefix="/api/usage")

    @router.get("/charts", responses=answer(ChartsAnswer))
    async def usage_charts(
        span: SpanName = "1h",
        by: Literal["device", "model"] = "device",
        device: Annotated[str, Query(max_length=255)] = "",
    ) -> Response:
        """Tokens, requests, time to first token, memory and queue over the last minutes, hours or days."""
        now, chosen = time.time(), SPANS[span]
        await recorder.save()
        samples = await _read(lambda: store.samples(chosen, now))
        return JSONResponse(asdict(charts(samples, chosen, now, by_model=by == "model", device=device)))

    @router.get("/totals", responses=answer(TotalsAnswer))
    async def usage_totals(days: Annotated[int, Query(ge=1, le=366)] = 30) -> Response:
        """What each model was asked under each key, today and on the days before."""
        since = date.today() - timedelta(days=days - 1)
        await recorder.save()
        totals = await _read(lambda: store.totals(since))
        names = _names(access)
        rows = [
            {"device": device, "model": model, "key": key, "key_name": names.get(key), **asdict(total)}
            for (device, model, key), total in totals.items()
        ]
        rows.sort(key=lambda row: (-row["generated_tokens"], -row["requests"], row["device"], row["model"], row["key"]))
        return JSONResponse({"since": since.isoformat(), "totals": rows})

    return router


async def _read(read: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(read)
    except (sqlite3.Error, OSError) as error:
        raise AdministrationError(500, "usage_unreadable", reason=str(error)) from error


def _names(access: Access) -> dict[str, str]:
    try:
        return {key.id: key.name for key in access.store.all()}
    except KeysUnreadable:
        return {}

"""The admin's JSON API for devices. The pages use it too: there is no other way to change anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from admin.api.requests import UpdateConfig
from admin.api.responses import (
    OF_CONFIG,
    REFUSED,
    UNKNOWN,
    ActivityLists,
    LogLines,
    ShutdownStarted,
    SuiteStatus,
    UpdatedDevice,
)
from admin.live.feed import LiveFeed
from admin.live.request_rows import as_json, running_rows, since
from admin.live.snapshots import SnapshotReader
from administration.errors import AdministrationError
from administration.service import Administration
from web.openapi import answer

_ANSWERED_SECONDS = 0.2
"""For the answer to reach its caller before the server goes."""


def devices_router(reader: SnapshotReader, feed: LiveFeed, administration: Administration) -> APIRouter:
    router = APIRouter(prefix="/api")
    store = reader.store

    @router.get("/status", responses=answer(SuiteStatus))
    async def status() -> dict[str, Any]:
        snapshot = await reader()
        return {
            "devices": [asdict(card) | {"stage": card.stage} for card in snapshot.devices],
            "gateway": asdict(snapshot.gateway),
            "memory": asdict(snapshot.machine),
            "config_problem": str(snapshot.config_problem) if snapshot.config_problem else None,
        }

    @router.get("/config", responses=OF_CONFIG)
    async def config() -> Response:
        configuration = await asyncio.to_thread(store.load)
        return Response(configuration.to_json(), media_type="application/json")

    @router.post("/update_config", responses=REFUSED | answer(UpdatedDevice))
    async def update_config(body: UpdateConfig) -> dict[str, Any]:
        limits = body.limits.model_dump(exclude_unset=True) if body.limits else None
        await administration.update_device(body.device, enabled=body.enabled, models=body.selection(), limits=limits)
        feed.poke()
        snapshot = await reader()
        card = snapshot.device(body.device)
        return {"device": asdict(card) if card else None}

    @router.get("/activity", responses=answer(ActivityLists))
    async def activity(limit: int = Query(default=200, ge=1, le=2000)) -> dict[str, Any]:
        """The requests that run, oldest first, and the most recent of those that have ended, newest first."""
        return {
            "running": [as_json(row) for row in running_rows(reader.suite)],
            "ended": [as_json(row) for row in since(reader.suite, {})[:limit]],
        }

    @router.get("/logs/{device}", responses=UNKNOWN | answer(LogLines))
    async def logs(device: str, lines: int = Query(default=200, ge=1, le=5000)) -> dict[str, Any]:
        return {"device": device, "lines": [asdict(line) for line in reader.suite.log(device).tail(lines)]}

    @router.post("/shutdown", status_code=202, responses=OF_CONFIG | answer(ShutdownStarted, status=202))
    async def shut_down(request: Request) -> dict[str, Any]:
        """Stop the whole suite: requests that run are finished first, as at Ctrl-C."""
        act: Callable[[], None] | None = getattr(request.app.state, "shut_down", None)
        if act is None:
            raise AdministrationError(409, "cannot_shut_down")
        asyncio.get_running_loop().call_later(_ANSWERED_SECONDS, act)
        return {"stopping": True}

    return router

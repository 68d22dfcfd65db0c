"""The JSON API for one step from the disk to an answer: assign a model to a device and load it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from admin.api.playground import Playground
from admin.api.requests import ModelName
from admin.api.responses import OF_DEVICE, REFUSED, LoadResponse, UpdatedDevice
from admin.live.feed import LiveFeed
from admin.live.snapshots import SnapshotReader
from administration.service import Administration
from web.openapi import answer

_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.1


def serving_router(
    administration: Administration, playground: Playground, reader: SnapshotReader, feed: LiveFeed
) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.post("/devices/{device}/serve", responses=REFUSED | OF_DEVICE | answer(LoadResponse))
    async def serve(device: str, body: ModelName) -> Response:
        """Assign a model to a device that does not offer it yet, beside what it offers, switch the device on, and have
        one instance in memory; answers once it is there."""
        if device not in await asyncio.to_thread(administration.assignments.users, body.model):
            await administration.assign(body.model, device, {})
        settings = administration.store.current().devices.get(device)
        if settings and not settings.enabled:
            await administration.update_device(device, enabled=True)
        await until_offered(device, body.model)
        return await playground.load(device, body)

    async def until_offered(device: str, model: str) -> None:
        """Wait for the server that knows the model; what asks it then says what is wrong with one that fails."""
        for _ in range(int(_PATIENCE_SECONDS / _LOOK_SECONDS)):
            health = reader.suite.health(device)
            offered = health is not None and any(each.id == model for each in health.models)
            if offered or reader.suite.status(device).state == "failed":
                return
            await asyncio.sleep(_LOOK_SECONDS)

    @router.post("/devices/{device}/assign", responses=REFUSED | answer(UpdatedDevice))
    async def assign(device: str, body: ModelName) -> dict[str, Any]:
        """Offer one more model on a device, with the settings it has there or new ones."""
        await administration.assign(body.model, device, {})
        feed.poke()
        card = (await reader()).device(device)
        return {"device": asdict(card) if card else None}

    return router

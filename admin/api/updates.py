"""The switch for the notice about newer versions."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel

from admin.api.requests import Body
from admin.api.responses import OF_CONFIG
from admin.live.feed import LiveFeed
from admin.live.updates import UpdateWatch
from administration.errors import AdministrationError
from configuration.server_config import UnusableServerConfig, change_server_config
from web.openapi import answer


class UpdatesChange(Body):
    enabled: bool


class UpdatesAnswer(BaseModel):
    """`newer`: a version that is newer than this one, as far as is known."""

    enabled: bool
    newer: str | None


def updates_router(watch: UpdateWatch, feed: LiveFeed, data_dir: Path) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.get("/updates", responses=answer(UpdatesAnswer))
    async def updates() -> UpdatesAnswer:
        return UpdatesAnswer(enabled=watch.enabled, newer=watch.newer)

    @router.post("/updates", responses=OF_CONFIG | answer(UpdatesAnswer))
    async def turn(body: UpdatesChange) -> UpdatesAnswer:
        """Ask PyPI once a day, or nobody."""
        try:
            await asyncio.to_thread(change_server_config, data_dir, check_updates=body.enabled)
        except UnusableServerConfig as error:
            raise AdministrationError(409, "server_config_broken", problem=str(error)) from error
        watch.turn(body.enabled)
        feed.poke()
        return await updates()

    return router

"""The JSON API of the gateway: switches it and keeps its aliases."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from admin.api.responses import REFUSED
from admin.live.feed import LiveFeed
from admin.live.gateway_view import gateway_card
from administration.service import Administration
from configuration.gateway_config import GatewayAlias
from configuration.schema import ModelId
from supervision.suite import Suite


class GatewayChange(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    enabled: bool | None = None
    host: str | None = Field(default=None, max_length=255)
    port: int | None = Field(default=None, ge=1, le=65535)
    wait_seconds: float | None = Field(default=None, ge=0)


class AliasChange(BaseModel):
    """The whole alias; parameters that are null are left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: ModelId
    model: ModelId
    fallback: list[ModelId] = Field(default_factory=list, max_length=16)
    system: str | None = Field(default=None, max_length=4000)
    parameters: dict[str, Any] = Field(default_factory=dict)


class PurposesChange(BaseModel):
    """`replace`: aliases of these names that there are already are set anew too."""

    model_config = ConfigDict(extra="forbid", strict=True)

    replace: bool = False
    dry_run: bool = False


def gateway_router(administration: Administration, suite: Suite, feed: LiveFeed) -> APIRouter:
    router = APIRouter(prefix="/api/gateway", responses=REFUSED)

    @router.get("")
    async def show() -> dict[str, Any]:
        feed.poke()
        return {"gateway": asdict(await asyncio.to_thread(gateway_card, suite))}

    @router.post("")
    async def switch(body: GatewayChange) -> dict[str, Any]:
        await administration.change_gateway(body.model_dump(exclude_none=True))
        return await show()

    @router.post("/aliases")
    async def set_alias(body: AliasChange) -> dict[str, Any]:
        alias = GatewayAlias.model_construct(
            model=body.model, fallback=body.fallback, system=body.system or None, parameters=body.parameters
        )
        await administration.set_alias(body.name, alias)
        return await show()

    @router.post("/purposes")
    async def set_purposes(body: PurposesChange) -> dict[str, Any]:
        """Aliases for fast, best, code and embed, chosen from what is served."""
        chosen = await administration.set_purposes(replace=body.replace, dry_run=body.dry_run)
        return {"purposes": chosen, **await show()}

    @router.delete("/aliases/{name:path}")
    async def remove_alias(name: str) -> dict[str, Any]:
        await administration.remove_alias(name)
        return await show()

    return router

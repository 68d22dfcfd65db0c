"""The JSON API of the gateway: switches it and keeps its aliases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from admin.api.responses import REFUSED
from admin.errors import AdminError
from admin.live.feed import LiveFeed
from admin.live.gateway_view import gateway_card
from configuration.gateway_config import GatewayAlias, GatewayProblem, GatewaySettings
from configuration.sampling import PARAMETERS
from configuration.schema import ModelId
from configuration.server_config import ServerConfig
from keys.access import Access
from supervision.suite import Suite

APPLY_SECONDS = 0.3


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


def gateway_router(suite: Suite, feed: LiveFeed, access: Access, config: ServerConfig) -> APIRouter:
    """`access`: of the admin server, `config`: what holds for all servers."""
    router = APIRouter(prefix="/api/gateway", responses=REFUSED)
    applying: set[asyncio.Task[None]] = set()

    async def answer() -> dict[str, Any]:
        feed.poke()
        return {"gateway": asdict(await asyncio.to_thread(gateway_card, suite))}

    async def change(how: Callable[[GatewaySettings], GatewaySettings]) -> dict[str, Any]:
        try:
            await asyncio.to_thread(suite.gateway_store.change, how)
        except GatewayProblem as problem:
            raise AdminError(409, "gateway_broken", problem=str(problem)) from problem
        task = asyncio.create_task(suite.apply_gateway(), name="apply gateway")
        applying.add(task)
        task.add_done_callback(applying.discard)
        # The old process may take its time to finish what it is answering; the state tells how far it is.
        await asyncio.wait({task}, timeout=APPLY_SECONDS)
        return await answer()

    @router.get("")
    async def show() -> dict[str, Any]:
        return await answer()

    @router.post("")
    async def switch(body: GatewayChange) -> dict[str, Any]:
        changes = {name: value for name, value in body.model_dump().items() if value is not None}
        host = changes.get("host", suite.gateway_store.current().host)
        if config.exposed(host) and not access.store.all():
            raise AdminError(409, "gateway_needs_key", host=host)
        return await change(lambda before: before.model_copy(update=changes))

    @router.post("/aliases")
    async def set_alias(body: AliasChange) -> dict[str, Any]:
        parameters = {name: value for name, value in body.parameters.items() if value is not None}
        if unknown := sorted(set(parameters) - set(PARAMETERS)):
            known = ", ".join(sorted(PARAMETERS))
            raise AdminError(422, "gateway_parameter", name=", ".join(unknown), known=known)
        alias = GatewayAlias.model_construct(
            model=body.model, fallback=body.fallback, system=body.system or None, parameters=parameters
        )
        return await change(lambda before: before.model_copy(update={"aliases": {**before.aliases, body.name: alias}}))

    @router.delete("/aliases/{name:path}")
    async def remove_alias(name: str) -> dict[str, Any]:
        if name not in suite.gateway_store.current().aliases:
            raise AdminError(404, "unknown_alias", name=name)
        return await change(
            lambda before: before.model_copy(
                update={"aliases": {key: alias for key, alias in before.aliases.items() if key != name}}
            )
        )

    return router

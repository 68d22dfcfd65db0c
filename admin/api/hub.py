"""The JSON API for the way to the hub: whether the one of the settings answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from admin.api.requests import HubChange
from admin.api.responses import OF_HUB, FindingResponse
from doctor.network import examine_hub
from i18n.catalogues import Catalogues
from model_registry import ModelRegistry
from registry.settings import check_endpoint, kind_of
from web.openapi import answer


def hub_check_router(registry: ModelRegistry, catalogues: Catalogues) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.post("/hub/check", responses=OF_HUB | answer(FindingResponse))
    async def check_hub(request: Request, body: HubChange | None = None) -> dict[str, Any]:
        """Whether the hub of this address answers, in the client's language; without one, the hub of the settings."""
        typed = (body.endpoint or "").strip() if body else ""
        endpoint = check_endpoint(typed) if typed else registry.hub.endpoint
        finding = await examine_hub(endpoint, kind_of(endpoint))
        return finding.render(catalogues.negotiate(request, default="en"))

    return router

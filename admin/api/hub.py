"""The JSON API for the way to the hub: whether the one of the settings answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from admin.api.responses import FindingResponse
from doctor.network import examine_hub
from i18n.catalogues import Catalogues
from model_registry import ModelRegistry
from web.openapi import answer


def hub_check_router(registry: ModelRegistry, catalogues: Catalogues) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.post("/hub/check", responses=answer(FindingResponse))
    async def check_hub(request: Request) -> dict[str, Any]:
        """Whether the hub answers, in the client's language."""
        finding = await examine_hub(registry.hub.endpoint, registry.hub.kind)
        return finding.render(catalogues.negotiate(request, default="en"))

    return router

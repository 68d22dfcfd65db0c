"""The admin's JSON API for what needs care now and then: compile caches, the way to the hub."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request

from admin.i18n import Catalogues
from devices.config import ConfigStore
from doctor.network import examine_hub
from model_registry import ModelRegistry
from registry.caches import clear_cache, list_caches


def care_router(registry: ModelRegistry, store: ConfigStore, catalogues: Catalogues, data_dir: Path) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.get("/caches")
    async def caches() -> dict[str, Any]:
        """What OpenVINO has compiled for each device; orphaned: the device is configured no more."""
        found = await asyncio.to_thread(list_caches, data_dir, store.current().devices)
        return {"caches": [asdict(cache) | {"path": str(cache.path)} for cache in found]}

    @router.delete("/caches/{device}")
    async def clear(device: str) -> dict[str, int]:
        """The next load of each of its models compiles anew."""
        return {"freed_bytes": await asyncio.to_thread(clear_cache, data_dir, device)}

    @router.post("/hub/check")
    async def check_hub(request: Request) -> dict[str, Any]:
        """Whether the hub of the settings answers, in the client's language."""
        finding = await examine_hub(registry.hub.endpoint, registry.hub.kind)
        return finding.render(catalogues.negotiate(request, default="en"))

    return router

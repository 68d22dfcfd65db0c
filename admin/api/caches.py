"""The JSON API for compile caches: what OpenVINO keeps of compiled models for each device."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from admin.api.responses import REFUSED, Caches, Cleared
from configuration.device_config import ConfigStore
from registry.caches import clear_cache, list_caches
from web.openapi import answer


def caches_router(store: ConfigStore, data_dir: Path) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.get("/caches", responses=answer(Caches))
    async def caches() -> dict[str, Any]:
        """orphaned: the device stands in no configuration any more."""
        found = await asyncio.to_thread(lambda: list_caches(data_dir, store.current().devices))
        return {"caches": [asdict(cache) | {"path": str(cache.path)} for cache in found]}

    @router.delete("/caches/{device}", responses=REFUSED | answer(Cleared))
    async def clear(device: str) -> dict[str, Any]:
        """The next load on the device compiles anew; of an orphaned cache nothing is left."""
        freed = await asyncio.to_thread(lambda: clear_cache(data_dir, device, store.current().devices))
        return {"device": device, "freed_bytes": freed}

    return router

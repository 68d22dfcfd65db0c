"""The admin's JSON API for models: what can be pulled, what is being pulled, what is here, and where it comes from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter

from admin.api.requests import HubChange, ImportRequest, PullModelRequest
from admin.api.responses import (
    OF_HUB,
    REFUSED,
    AvailableModels,
    ChangedJob,
    DeletedModel,
    Dismissed,
    FoundModels,
    Hub,
    ImportedModel,
    Jobs,
    LocalModels,
    RecommendedModels,
    Updatable,
    Verified,
)
from admin.live.feed import LiveFeed
from admin.live.snapshots import SnapshotReader
from administration.service import Administration
from model_registry import PullJob
from notices import as_text
from web.openapi import answer


def models_router(reader: SnapshotReader, feed: LiveFeed, administration: Administration) -> APIRouter:
    router = APIRouter(prefix="/api")
    registry = administration.registry

    @router.get("/available_models", responses=answer(AvailableModels))
    async def available_models(refresh: bool = False) -> dict[str, Any]:
        catalogue = await (reader.shelf.refreshed() if refresh else registry.catalogue())
        feed.poke()
        return {
            "models": [entry.as_dict() for entry in catalogue.entries],
            "source": catalogue.source,
            "fetched_at": catalogue.fetched_at,
            "problem": catalogue.problem,
        }

    @router.get("/recommended_models", responses=answer(RecommendedModels))
    async def recommended_models() -> dict[str, Any]:
        """Three models for each device: quick, balanced, best, as far as they run comfortably."""
        found = (await reader()).recommended
        return {"recommendations": [msgspec.to_builtins(each, enc_hook=as_text) for each in found]}

    @router.get("/local_models", responses=answer(LocalModels))
    async def local_models() -> dict[str, Any]:
        return {"models": [asdict(row) for row in (await reader()).local_models]}

    @router.delete("/local_models/{model_id:path}", responses=REFUSED | answer(DeletedModel))
    async def delete_model(model_id: str, force: bool = False) -> dict[str, str]:
        """force: take it off all devices first."""
        await administration.remove(model_id, force=force)
        feed.poke()
        return {"deleted": model_id}

    @router.post("/pull_model", status_code=202, responses=OF_HUB | answer(ChangedJob, status=202))
    async def pull_model(body: PullModelRequest) -> dict[str, Any]:
        return changed(registry.pull(body.model_id.strip(), (body.revision or "").strip() or None))

    @router.get("/pull_jobs", responses=answer(Jobs))
    async def pull_jobs() -> dict[str, Any]:
        return {"jobs": [job.as_dict() for job in registry.jobs()]}

    @router.delete("/pull_jobs/{job_id}", responses=REFUSED | answer(ChangedJob))
    async def cancel_pull(job_id: str) -> dict[str, Any]:
        return changed(registry.cancel(job_id))

    @router.post("/pull_jobs/{job_id}/pause", responses=REFUSED | answer(ChangedJob))
    async def pause_pull(job_id: str) -> dict[str, Any]:
        return changed(registry.pause(job_id))

    @router.post("/pull_jobs/{job_id}/resume", responses=REFUSED | answer(ChangedJob))
    async def resume_pull(job_id: str) -> dict[str, Any]:
        return changed(registry.resume(job_id))

    def changed(job: PullJob) -> dict[str, Any]:
        feed.poke()
        return {"job": job.as_dict()}

    @router.delete("/pull_jobs/{job_id}/entry", responses=REFUSED | answer(Dismissed))
    async def dismiss_pull(job_id: str) -> dict[str, str]:
        registry.dismiss(job_id)
        feed.poke()
        return {"dismissed": job_id}

    @router.get("/search_models", responses=OF_HUB | answer(FoundModels))
    async def search_models(query: str) -> dict[str, Any]:
        return {"models": [entry.as_dict() for entry in await registry.search(query)]}

    @router.post("/import_model", responses=OF_HUB | answer(ImportedModel))
    async def import_model(body: ImportRequest) -> dict[str, Any]:
        model = await registry.import_folder(Path(body.path), model_id=body.model_id or None, mode=body.mode)
        feed.poke()
        return {"model": model.as_dict()}

    @router.post("/verify_model/{model_id:path}", responses=REFUSED | answer(Verified))
    async def verify_model(model_id: str) -> dict[str, Any]:
        verification = await registry.verify(model_id)
        return asdict(verification) | {"intact": verification.intact}

    @router.post("/check_update/{model_id:path}", responses=OF_HUB | answer(Updatable))
    async def check_update(model_id: str) -> dict[str, Any]:
        update = await registry.check_update(model_id)
        return asdict(update) | {"available": update.available}

    @router.get("/hub", responses=answer(Hub))
    async def hub() -> dict[str, Any]:
        """The token itself is never told."""
        settings = registry.hub
        return {
            "endpoint": settings.endpoint,
            "kind": settings.kind,
            "token_set": settings.token is not None,
            "speed_limit_mb": settings.speed_limit_mb,
        }

    @router.post("/hub", responses=OF_HUB | answer(Hub))
    async def configure_hub(body: HubChange) -> dict[str, Any]:
        await registry.configure_hub(endpoint=body.endpoint, token=body.token, speed_limit_mb=body.speed_limit_mb)
        return await hub()

    return router

"""The admin's JSON API. The pages use it too: there is no other way to change anything."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from admin.assignments import Assignments, remove_model
from admin.live import LiveFeed
from admin.snapshots import SnapshotReader
from admin.wire import PullRequest, UpdateConfig
from model_registry import PullJob


def api_router(reader: SnapshotReader, feed: LiveFeed, assignments: Assignments) -> APIRouter:
    router = APIRouter(prefix="/api")
    registry, store = reader.registry, reader.store

    @router.get("/status")
    async def status() -> dict[str, Any]:
        snapshot = await reader()
        return {
            "devices": [asdict(card) | {"stage": card.stage} for card in snapshot.devices],
            "memory": asdict(snapshot.machine),
            "config_problem": str(snapshot.config_problem) if snapshot.config_problem else None,
        }

    @router.get("/available_models")
    async def available_models(refresh: bool = False) -> dict[str, Any]:
        catalogue = await (reader.shelf.refreshed() if refresh else registry.catalogue())
        feed.poke()
        return {
            "models": [entry.as_dict() for entry in catalogue.entries],
            "source": catalogue.source,
            "fetched_at": catalogue.fetched_at,
            "problem": catalogue.problem,
        }

    @router.get("/local_models")
    async def local_models() -> dict[str, Any]:
        return {"models": [asdict(row) for row in (await reader()).local_models]}

    @router.delete("/local_models/{model_id:path}")
    async def delete_model(model_id: str) -> dict[str, str]:
        await asyncio.to_thread(remove_model, registry, store, model_id)
        feed.poke()
        return {"deleted": model_id}

    @router.post("/pull_model", status_code=202)
    async def pull_model(body: PullRequest) -> dict[str, Any]:
        return changed(registry.pull(body.model_id.strip(), (body.revision or "").strip() or None))

    @router.get("/pull_jobs")
    async def pull_jobs() -> dict[str, Any]:
        return {"jobs": [job.as_dict() for job in registry.jobs()]}

    @router.delete("/pull_jobs/{job_id}")
    async def cancel_pull(job_id: str) -> dict[str, Any]:
        return changed(registry.cancel(job_id))

    @router.post("/pull_jobs/{job_id}/pause")
    async def pause_pull(job_id: str) -> dict[str, Any]:
        return changed(registry.pause(job_id))

    @router.post("/pull_jobs/{job_id}/resume")
    async def resume_pull(job_id: str) -> dict[str, Any]:
        return changed(registry.resume(job_id))

    def changed(job: PullJob) -> dict[str, Any]:
        feed.poke()
        return {"job": job.as_dict()}

    @router.get("/config")
    async def config() -> Response:
        configuration = await asyncio.to_thread(store.load)
        return Response(configuration.to_json(), media_type="application/json")

    @router.post("/update_config")
    async def update_config(body: UpdateConfig) -> dict[str, Any]:
        await assignments.update(body)
        feed.poke()
        snapshot = await reader()
        card = snapshot.device(body.device)
        return {"device": asdict(card) if card else None}

    @router.get("/logs/{device}")
    async def logs(device: str, lines: int = Query(default=200, ge=1, le=5000)) -> dict[str, Any]:
        return {"device": device, "lines": [asdict(line) for line in reader.suite.log(device).tail(lines)]}

    return router

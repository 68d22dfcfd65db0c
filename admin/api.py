"""The admin's JSON API. The pages use it too: there is no other way to change anything."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from admin.assignments import Assignments, remove_model
from admin.errors import AdminError
from admin.live import LiveFeed
from admin.protocols import ModelRegistry
from admin.snapshots import SnapshotReader, job_row
from admin.wire import PullRequest, UpdateConfig


def api_router(reader: SnapshotReader, feed: LiveFeed, assignments: Assignments) -> APIRouter:
    router = APIRouter(prefix="/api")
    registry, store = reader.registry, reader.store

    @router.get("/status")
    async def status() -> dict[str, Any]:
        snapshot = await reader()
        return {
            "devices": [asdict(card) | {"stage": card.stage} for card in snapshot.devices],
            "memory": asdict(snapshot.machine),
            "config_problem": snapshot.config_problem,
        }

    @router.get("/available_models")
    async def available_models() -> dict[str, Any]:
        return {"models": [asdict(entry) for entry in await registry.collections()]}

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
        job = registry.pull(body.model_id.strip(), (body.revision or "").strip() or None)
        feed.poke()
        return {"job": asdict(job_row(job))}

    @router.get("/pull_jobs")
    async def pull_jobs() -> dict[str, Any]:
        return {"jobs": [asdict(job_row(job)) for job in registry.jobs()]}

    @router.delete("/pull_jobs/{job_id}")
    async def cancel_pull(job_id: str) -> dict[str, Any]:
        _known_job(registry, job_id)
        registry.cancel(job_id)
        feed.poke()
        return {"job": asdict(job_row(registry.job(job_id)))}

    @router.get("/config")
    async def config() -> JSONResponse:
        configuration = await asyncio.to_thread(store.load)
        return JSONResponse(configuration.to_dict())

    @router.post("/update_config")
    async def update_config(body: UpdateConfig) -> dict[str, Any]:
        await assignments.update(body)
        feed.poke()
        snapshot = await reader()
        card = snapshot.device(body.device)
        return {"device": asdict(card) if card else None}

    @router.get("/logs/{device}")
    async def logs(device: str, lines: int = Query(default=200, ge=1, le=5000)) -> dict[str, Any]:
        known = [status.name for status in reader.suite.statuses()]
        if device not in known:
            raise AdminError(404, "unknown_device", device=device, known=", ".join(known))
        return {"device": device, "lines": await asyncio.to_thread(reader.suite.log_tail, device, lines)}

    return router


def _known_job(registry: ModelRegistry, job_id: str) -> None:
    if all(job.id != job_id for job in registry.jobs()):
        raise AdminError(404, "unknown_job", job=job_id)

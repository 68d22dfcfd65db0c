"""The admin's JSON API for conversions, and for the converter they need."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from admin.api.requests import ConvertRequest
from admin.api.responses import (
    OF_HUB,
    REFUSED,
    ChangedConversion,
    ConversionList,
    Dismissed,
    RemovedConverter,
)
from admin.live.feed import LiveFeed
from administration.service import Administration
from conversion.jobs import ConversionJob, ConversionRequest
from web.openapi import answer


def conversions_router(feed: LiveFeed, administration: Administration) -> APIRouter:
    router = APIRouter(prefix="/api")
    conversions = administration.conversions

    def changed(job: ConversionJob) -> dict[str, Any]:
        feed.poke()
        return {"job": job.as_dict()}

    @router.post("/convert_model", status_code=202, responses=OF_HUB | answer(ChangedConversion, status=202))
    async def convert_model(body: ConvertRequest) -> dict[str, Any]:
        return changed(conversions.convert(ConversionRequest(**body.model_dump())))

    @router.get("/conversions", responses=answer(ConversionList))
    async def list_conversions() -> dict[str, Any]:
        jobs = [job.as_dict() for job in conversions.jobs()]
        return {"jobs": jobs, "converter": asdict(conversions.converter.status())}

    @router.get("/conversions/{job_id}", responses=REFUSED | answer(ChangedConversion))
    async def conversion(job_id: str) -> dict[str, Any]:
        return {"job": conversions.job(job_id).as_dict()}

    @router.delete("/conversions/{job_id}", responses=REFUSED | answer(ChangedConversion))
    async def cancel_conversion(job_id: str) -> dict[str, Any]:
        return changed(conversions.cancel(job_id))

    @router.post("/conversions/{job_id}/pause", responses=REFUSED | answer(ChangedConversion))
    async def pause_conversion(job_id: str) -> dict[str, Any]:
        return changed(conversions.pause(job_id))

    @router.post("/conversions/{job_id}/resume", responses=REFUSED | answer(ChangedConversion))
    async def resume_conversion(job_id: str) -> dict[str, Any]:
        return changed(conversions.resume(job_id))

    @router.delete("/conversions/{job_id}/entry", responses=REFUSED | answer(Dismissed))
    async def dismiss_conversion(job_id: str) -> dict[str, str]:
        conversions.dismiss(job_id)
        feed.poke()
        return {"dismissed": job_id}

    @router.get("/conversions/{job_id}/log", response_class=PlainTextResponse, responses=REFUSED)
    async def conversion_log(job_id: str) -> PlainTextResponse:
        return PlainTextResponse(conversions.log(job_id))

    @router.delete("/converter", responses=REFUSED | answer(RemovedConverter))
    async def remove_converter() -> dict[str, int]:
        """Delete the converter's environment; the next conversion installs it again."""
        freed = await conversions.remove_converter()
        feed.poke()
        return {"freed_bytes": freed}

    return router

"""The doctor's part of the JSON API: what it found last, and examining anew."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request

from admin.api.responses import Examination
from doctor.examination import Doctor
from i18n.catalogues import Catalogues, Translator
from web.openapi import answer as described


def doctor_router(doctor: Doctor, catalogues: Catalogues) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.get("/doctor", responses=described(Examination))
    async def latest(request: Request, lang: str | None = None, wait: bool = False) -> dict[str, Any]:
        """The latest examination; the first question begins one. wait: answer when none is under way any more."""
        if doctor.latest is None:
            doctor.begin()
        return await answer(_language(catalogues, request, lang), wait=wait)

    @router.post("/doctor", status_code=202, responses=described(Examination, status=202))
    async def examine(request: Request, lang: str | None = None, wait: bool = False) -> dict[str, Any]:
        """Begin an examination, or join the one under way."""
        doctor.begin()
        return await answer(_language(catalogues, request, lang), wait=wait)

    async def answer(t: Translator, *, wait: bool) -> dict[str, Any]:
        if wait and doctor.running:
            await asyncio.shield(doctor.begin())
        report = doctor.latest
        rendered = report.render(t) if report else {"checked_at": None, "level": None, "findings": []}
        age = time.time() - datetime.fromisoformat(report.checked_at).timestamp() if report else None
        return {"running": doctor.running, "age_seconds": None if age is None else max(round(age), 0)} | rendered

    return router


def _language(catalogues: Catalogues, request: Request, tag: str | None) -> Translator:
    """The one asked for by name, else the browser's, else English."""
    named = catalogues.get(tag) if tag else None
    return named or catalogues.negotiate(request, default="en")

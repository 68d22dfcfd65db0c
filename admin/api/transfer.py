"""The configuration as a file to keep, and back."""

from __future__ import annotations

import asyncio
import json

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from admin.api.responses import OF_CONFIG, REFUSED
from admin.live.feed import LiveFeed
from administration.service import Administration
from administration.transfer import ConfigurationDocument, exported, imported_devices, imported_gateway
from web.openapi import answer

FILE_NAME = "openvino-server-configuration.json"


class Imported(BaseModel):
    """`missing`: models that are assigned now and not on this machine."""

    devices: list[str]
    missing: list[str]


def transfer_router(administration: Administration, feed: LiveFeed) -> APIRouter:
    router = APIRouter(prefix="/api/config")

    @router.get("/export", responses=OF_CONFIG | answer(ConfigurationDocument))
    async def export_configuration() -> Response:
        """Devices, models, aliases and the gateway; no keys, tokens or models."""
        configuration = await asyncio.to_thread(administration.store.load)
        document = exported(configuration, administration.gateway.current()).model_dump(mode="json")
        headers = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"', "Cache-Control": "no-store"}
        return Response(
            json.dumps(document, ensure_ascii=False, indent=2), media_type="application/json", headers=headers
        )

    @router.post("/import", responses=REFUSED | answer(Imported))
    async def import_configuration(body: ConfigurationDocument) -> Imported:
        """Takes the place of the present configuration; servers whose settings change start again."""
        data_dir = administration.store.path.parent
        before = await asyncio.to_thread(administration.store.load)
        devices = await asyncio.to_thread(imported_devices, body, before, administration.registry, data_dir)
        await administration.replace_configuration(devices, imported_gateway(body))
        feed.poke()
        here = {model.id for model in await asyncio.to_thread(administration.registry.local_models)}
        asked = {model.id for settings in devices.devices.values() for model in settings.models}
        return Imported(devices=list(devices.devices), missing=sorted(asked - here))

    return router

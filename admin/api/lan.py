"""The JSON API of the switch that lets other devices of the network in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from admin.api.requests import Body
from admin.api.responses import OF_CONFIG
from admin.login import Login
from admin.pages.lan import login_link
from admin.qr import qr_image
from administration.lan import LanSwitch
from web.lan import lan_addresses
from web.openapi import answer


class LanChange(Body):
    enabled: bool


class LanAnswer(BaseModel):
    """`secret`: of a key that was made because there was none; it is told this once. `qr`: an image that logs a phone
    in with it."""

    enabled: bool
    secret: str | None
    qr: str | None


def lan_router(switch: LanSwitch, login: Login, *, scheme: str, port: int) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.post("/lan", responses=OF_CONFIG | answer(LanAnswer))
    async def turn(request: Request, response: Response, body: LanChange) -> dict[str, Any]:
        """Let other devices in, or shut them out. The suite starts again, on another address; what is being answered
        has a moment to finish."""
        was_open = not switch.administration.access.required()
        made = await switch.turn(body.enabled)
        response.headers["Cache-Control"] = "no-store"
        if made is None:
            return {"enabled": body.enabled, "secret": None, "qr": None}
        key, secret = made
        if was_open:
            login.open_session(request, response, key.id)
        address = next(iter(lan_addresses()), None)
        qr = qr_image(login_link(f"{scheme}://{address}:{port}", secret)) if address else None
        return {"enabled": True, "secret": secret, "qr": qr}

    return router

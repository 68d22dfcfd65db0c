"""The admin's JSON API for keys. A secret is told once, by the answer that makes it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from admin.api.requests import NewKey
from admin.api.responses import OF_CONFIG, REFUSED, Keys, MadeKey, Revoked
from admin.login import Login
from admin.pages.lan import login_link
from admin.qr import qr_image
from administration.service import Administration
from keys.access import Caller
from keys.gate import CALLER
from web.lan import lan_addresses
from web.openapi import answer


def keys_router(administration: Administration, login: Login, *, page: str) -> APIRouter:
    """`page`: the page's address with {} for the host."""
    router = APIRouter(prefix="/api/keys")
    access = administration.access

    @router.get("", responses=answer(Keys))
    async def keys(request: Request) -> dict[str, Any]:
        """`required`: whether a key is needed now. `beyond_loopback`: whether others could reach this server."""
        own = _caller(request).key
        return {
            "keys": [key.described() | {"own": own is not None and key.id == own.id} for key in access.store.all()],
            "required": access.required(),
            "beyond_loopback": access.always,
        }

    @router.post("", status_code=201, responses=OF_CONFIG | answer(MadeKey, status=201))
    async def create(request: Request, response: Response, body: NewKey) -> dict[str, Any]:
        """With the first key the door closes: the browser that made it is let in as its owner. `qr` logs a
        phone in with it, where phones reach this server."""
        was_open = not access.required()
        key, secret = await administration.create_key(body.name, body.scopes)
        if was_open:
            login.open_session(request, response, key.id)
        response.headers["Cache-Control"] = "no-store"
        address = next(iter(lan_addresses()), None) if access.always and key.allows("admin") else None
        qr = qr_image(login_link(page.format(address), secret)) if address else None
        return {"key": key.described(), "secret": secret, "qr": qr}

    @router.delete("/{key_id}", responses=REFUSED | answer(Revoked))
    async def revoke(key_id: str) -> dict[str, str]:
        return {"revoked": (await administration.revoke_key(key_id)).id}

    return router


def _caller(request: Request) -> Caller:
    return request.scope.get(CALLER) or Caller()

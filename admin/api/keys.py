"""The admin's JSON API for keys. A secret is told once, by the answer that makes it."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from admin.api.requests import NewKey
from admin.api.responses import OF_CONFIG, REFUSED, Keys, MadeKey, Revoked
from admin.login import Login
from keys.access import Access, Caller
from keys.gate import CALLER
from web.openapi import answer


def keys_router(access: Access, login: Login) -> APIRouter:
    router = APIRouter(prefix="/api/keys")
    store = access.store

    @router.get("", responses=answer(Keys))
    async def keys(request: Request) -> dict[str, Any]:
        """`required`: whether a key is needed now. `beyond_loopback`: whether others could reach this server."""
        own = _caller(request).key
        return {
            "keys": [key.described() | {"own": own is not None and key.id == own.id} for key in store.all()],
            "required": access.required(),
            "beyond_loopback": access.always,
        }

    @router.post("", status_code=201, responses=OF_CONFIG | answer(MadeKey, status=201))
    async def create(request: Request, response: Response, body: NewKey) -> dict[str, Any]:
        """With the first key the door closes: the browser that made it is let in as its owner."""
        was_open = not access.required()
        key, secret = await asyncio.to_thread(store.create, body.name, body.scopes)
        if was_open:
            login.open_session(request, response, key.id)
        response.headers["Cache-Control"] = "no-store"
        return {"key": key.described(), "secret": secret}

    @router.delete("/{key_id}", responses=REFUSED | answer(Revoked))
    async def revoke(key_id: str) -> dict[str, str]:
        key = await asyncio.to_thread(store.revoke, key_id, keep_an_admin=access.always)
        return {"revoked": key.id}

    return router


def _caller(request: Request) -> Caller:
    return request.scope.get(CALLER) or Caller()

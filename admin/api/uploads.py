"""The admin's JSON API for models that come from the browser, file by file."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, field_validator

from admin.api.requests import MAX_ENTRIES, Body
from admin.api.responses import OF_HUB, REFUSED, ImportedModel
from admin.live.feed import LiveFeed
from model_registry import ModelRegistry
from web.openapi import answer

_LONGEST_PATH = 1000
_PREFIX = "/api/uploads"


class UploadedFile(Body):
    """`path`: below the folder that is sent, with slashes."""

    path: str = Field(min_length=1, max_length=_LONGEST_PATH)
    size: int = Field(ge=0)


class UploadRequest(Body):
    """`name`: of the folder, or of the one GGUF file."""

    name: str = Field(min_length=1, max_length=255)
    files: list[UploadedFile] = Field(min_length=1, max_length=MAX_ENTRIES)
    model_id: str | None = Field(default=None, max_length=255)

    @field_validator("files")
    @classmethod
    def _each_once(cls, files: list[UploadedFile]) -> list[UploadedFile]:
        if len({file.path for file in files}) < len(files):
            raise ValueError("a path comes twice")
        return files


class BegunUpload(BaseModel):
    upload: str
    model_id: str


class ReceivedPiece(BaseModel):
    """`received`: bytes of this file that are here."""

    received: int


class CancelledUpload(BaseModel):
    cancelled: str


def is_piece(method: str, path: str) -> bool:
    """One of the thousands of requests that a large model takes."""
    return method == "PUT" and path.startswith(f"{_PREFIX}/")


def uploads_router(registry: ModelRegistry, feed: LiveFeed) -> APIRouter:
    """Begin, send each file in pieces of at most half a megabyte, finish. A piece may be sent again."""
    router = APIRouter(prefix=_PREFIX)
    uploads = registry.uploads

    @router.post("", status_code=201, responses=OF_HUB | answer(BegunUpload, status=201))
    async def begin_upload(body: UploadRequest) -> dict[str, str]:
        files = {file.path: file.size for file in body.files}
        upload = await asyncio.to_thread(uploads.begin, body.name, files, body.model_id or None)
        return {"upload": upload.id, "model_id": upload.model_id}

    @router.put(
        "/{upload}",
        responses=REFUSED | answer(ReceivedPiece),
        openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
    )
    async def send_piece(
        upload: str,
        request: Request,
        path: Annotated[str, Query(max_length=_LONGEST_PATH)],
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> dict[str, int]:
        data = await request.body()
        return {"received": await asyncio.to_thread(uploads.write, upload, path, offset, data)}

    @router.post("/{upload}", responses=OF_HUB | answer(ImportedModel))
    async def finish_upload(upload: str) -> dict[str, Any]:
        model_id = await asyncio.to_thread(uploads.finish, upload)
        feed.poke()
        model = await asyncio.to_thread(registry.find, model_id)
        return {"model": model.as_dict()}

    @router.delete("/{upload}", responses=REFUSED | answer(CancelledUpload))
    async def cancel_upload(upload: str) -> dict[str, str]:
        await asyncio.to_thread(uploads.cancel, upload)
        return {"cancelled": upload}

    return router

"""The JSON API for chats that are kept, presets, and the text of attached files."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from admin.api.requests import KeepChats
from admin.api.responses import REFUSED, UNKNOWN, AdminErrorResponse
from saved_chats.errors import InvalidChat
from saved_chats.file_text import FileReader, FileText
from saved_chats.records import (
    ChatChange,
    ChatList,
    ChatSummary,
    PresetChange,
    PresetList,
    SavedChat,
)
from saved_chats.store import MAX_LISTED, ChatStore
from web.openapi import Responses, answer, errors

LONG_BODIES = ("/api/chats/", "/api/file_text")
"""Where bodies may be as long as conversations: messages hold pictures."""
_TO_KEEP: Responses = REFUSED | errors(AdminErrorResponse, 507)

_Id = Annotated[str, Path(pattern="^[0-9a-f]{16,32}$")]
T = TypeVar("T")


class Deleted(BaseModel):
    deleted: int


class Kept(BaseModel):
    keep: bool


def chats_router(store: ChatStore, files: FileReader) -> APIRouter:
    """A chat's ID, and a message's, is chosen by who makes it: 16 to 32 hexadecimal digits."""
    router = APIRouter(prefix="/api")

    @router.get("/chats", responses=answer(ChatList))
    async def chats(
        search: Annotated[str, Query(max_length=200)] = "",
        before: float | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = MAX_LISTED,
    ) -> Response:
        """The latest first. `search`: words of the title or of messages; `before`: older than that time."""
        return _json(await asyncio.to_thread(store.find, search, before=before, limit=limit))

    @router.get("/chats/{chat}", responses=UNKNOWN | answer(SavedChat))
    async def chat(chat: _Id) -> Response:
        return _json(await asyncio.to_thread(store.get, chat))

    @router.put("/chats/{chat}", responses=_TO_KEEP | answer(ChatSummary), openapi_extra=_body(ChatChange))
    async def begin_chat(request: Request, chat: _Id) -> Response:
        """Begin a chat, or change one that is there already."""
        change = await asyncio.to_thread(_read, await request.body(), ChatChange)
        return _json(await asyncio.to_thread(store.begin, chat, change))

    @router.patch("/chats/{chat}", responses=_TO_KEEP | answer(ChatSummary), openapi_extra=_body(ChatChange))
    async def change_chat(request: Request, chat: _Id) -> Response:
        """Change the title, the lanes or the options, or add messages and their next states; what is absent stays."""
        change = await asyncio.to_thread(_read, await request.body(), ChatChange)
        return _json(await asyncio.to_thread(store.change, chat, change))

    @router.delete("/chats/{chat}", responses=UNKNOWN | answer(Deleted))
    async def delete_chat(chat: _Id) -> dict[str, int]:
        await asyncio.to_thread(store.delete, chat)
        return {"deleted": 1}

    @router.delete("/chats", responses=answer(Deleted))
    async def delete_all() -> dict[str, int]:
        """All chats. Presets stay."""
        return {"deleted": await asyncio.to_thread(store.delete_all)}

    @router.get("/export_chats", responses=answer(description="All chats and presets, as a file."))
    async def export() -> Response:
        headers = {"Content-Disposition": 'attachment; filename="chats.json"', "Cache-Control": "no-store"}
        return StreamingResponse(store.export(), media_type="application/json", headers=headers)

    @router.post("/keep_chats", responses=REFUSED | answer(Kept))
    async def keep_chats(body: KeepChats) -> dict[str, bool]:
        """Whether chats are kept from now on. What is kept already stays until it is deleted."""
        await asyncio.to_thread(store.switch, body.keep)
        return {"keep": body.keep}

    @router.get("/chat_presets", responses=answer(PresetList))
    async def presets() -> Response:
        return _json(PresetList(await asyncio.to_thread(store.presets)))

    @router.put("/chat_presets/{preset}", responses=_TO_KEEP | answer(Kept), openapi_extra=_body(PresetChange))
    async def save_preset(request: Request, preset: _Id) -> dict[str, bool]:
        change = _read(await request.body(), PresetChange)
        await asyncio.to_thread(store.save_preset, preset, change)
        return {"keep": True}

    @router.delete("/chat_presets/{preset}", responses=UNKNOWN | answer(Deleted))
    async def delete_preset(preset: _Id) -> dict[str, int]:
        await asyncio.to_thread(store.delete_preset, preset)
        return {"deleted": 1}

    @router.post(
        "/file_text",
        responses=REFUSED | answer(FileText),
        openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
    )
    async def file_text(request: Request) -> Response:
        """The text of a file, which is the body: of a PDF, or of plain text in any usual encoding."""
        return _json(await files.read(await request.body()))

    return router


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidChat(str(error)) from error


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json", headers={"Cache-Control": "no-store"})


def _body(kind: type[msgspec.Struct]) -> dict[str, Any]:
    schema = msgspec.json.schema(kind, ref_template="#/components/schemas/{name}")
    schema["$defs"] = schema.pop("$defs", {})
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}

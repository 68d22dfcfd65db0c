"""POST /v1/responses, and GET and DELETE of what it has stored."""

import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request, Response

from apis.begin import Begun, begin
from apis.errors import as_service_error, openai_error
from apis.model_names import ModelNames
from apis.openai.answers import ERRORS, Answered, Deleted, InputItems, InputTokens
from apis.openai.response_output import Event, ResponseOutput
from apis.openai.response_schemas import InputRequest, ResponsesRequest, messages_of
from apis.openai.response_store import ResponseStore, StoredResponse
from apis.timing import cache_headers, server_timing, waiting_comment
from chat.completion import Completion
from chat.conversation import Message
from chat.deltas import Delta
from chat.service import ChatService
from web.bodies import read_body
from web.described import answer, body_schema
from web.streaming import JSON, StreamResponse, sse, unless_disconnected

_PING = b": ping\n\n"


def response_routes(service: ChatService, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["OpenAI"], responses=ERRORS)
    store = ResponseStore()

    @router.post(
        "/v1/responses",
        openapi_extra=body_schema(ResponsesRequest),
        responses=answer(Answered, stream="text/event-stream"),
    )
    async def responses(request: Request) -> Response:
        body = await read_body(request, ResponsesRequest)
        model = names.resolve(body.model)
        body.refuse_unsupported()
        previous = body.previous_response_id
        earlier = store.get(previous, param="previous_response_id").messages if previous else ()
        completion = await service.chat(model, body.conversation(earlier), body.options())
        answer = _Answer(body, completion, earlier, store)
        if not body.stream:
            whole = await unless_disconnected(request, _collect(answer))
            return JSON(whole, headers=server_timing(completion.timings))
        deltas = await unless_disconnected(request, begin(completion.deltas))
        return StreamResponse(
            _events(answer, deltas),
            media_type="text/event-stream",
            headers=cache_headers([completion]),
            source=deltas,
            heartbeat=lambda: waiting_comment([completion]) or _PING,
        )

    @router.post("/v1/responses/input_tokens", openapi_extra=body_schema(InputRequest), responses=answer(InputTokens))
    async def input_tokens(request: Request) -> JSON:
        body = await read_body(request, InputRequest)
        model = names.resolve(body.model)
        body.refuse_unsupported()
        previous = body.previous_response_id
        earlier = store.get(previous, param="previous_response_id").messages if previous else ()
        tokens = await service.count_tokens(model, body.conversation(earlier))
        return JSON({"object": "response.input_tokens", "input_tokens": tokens})

    @router.get("/v1/responses/{response_id}", responses=answer(Answered))
    async def get_response(response_id: str) -> JSON:
        return JSON(store.get(response_id).response)

    @router.delete("/v1/responses/{response_id}", responses=answer(Deleted))
    async def delete_response(response_id: str) -> JSON:
        store.remove(response_id)
        return JSON({"id": response_id, "object": "response", "deleted": True})

    @router.get("/v1/responses/{response_id}/input_items", responses=answer(InputItems))
    async def input_items(response_id: str) -> JSON:
        items = store.get(response_id).input_items
        ends = (
            {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {"first_id": None, "last_id": None}
        )
        return JSON({"object": "list", "data": items, "has_more": False, **ends})

    return router


@dataclass
class _Answer:
    """One response on its way, and where it is kept in the end."""

    body: ResponsesRequest
    completion: Completion
    earlier: tuple[Message, ...]
    store: ResponseStore
    id: str = field(default_factory=lambda: f"resp_{secrets.token_hex(20)}")
    created: float = field(default_factory=lambda: float(int(time.time())))
    output: ResponseOutput = field(default_factory=ResponseOutput)

    def response(self, status: str, error: dict[str, Any] | None = None) -> dict[str, Any]:
        body = self.body
        cut = {"reason": "max_output_tokens"} if status == "incomplete" else None
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": error,
            "incomplete_details": cut,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "metadata": body.metadata or {},
            "model": self.completion.model.public_id,
            "output": list(self.output.items),
            "parallel_tool_calls": body.parallel_tool_calls is not False,
            "previous_response_id": body.previous_response_id,
            "reasoning": body.reasoning.model_dump() if body.reasoning else {"effort": None, "summary": None},
            "store": body.store is not False,
            "temperature": body.temperature,
            "text": {"format": body.format.model_dump(by_alias=True, exclude_none=True)},
            "tool_choice": "auto" if body.tool_choice is None else _plain(body.tool_choice),
            "tools": [tool.model_dump() for tool in body.tools or ()],
            "top_p": body.top_p,
            "truncation": body.truncation or "disabled",
            "usage": self._usage() if status in ("completed", "incomplete") else None,
            "user": body.user,
        }

    def finished(self) -> dict[str, Any]:
        """The whole response, stored if that is wanted."""
        response = self.response("incomplete" if self.completion.finish_reason == "length" else "completed")
        if self.body.store is not False:
            items = self.body.items()
            asked = [{"id": f"in_{secrets.token_hex(8)}", **item.model_dump(exclude_none=True)} for item in items]
            messages = (*self.earlier, *messages_of(items, self.earlier), self.output.message())
            self.store.add(StoredResponse(response, asked, messages))
        return response

    def _usage(self) -> dict[str, Any]:
        prompt, generated = self.completion.prompt_tokens, len(self.completion.generated_ids)
        cached = self.completion.cached_tokens or 0
        return {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
            "output_tokens": generated,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + generated,
        }


def _plain(choice: Any) -> Any:
    return choice if isinstance(choice, str) else choice.model_dump(exclude_none=True)


async def _collect(answer: _Answer) -> dict[str, Any]:
    async for delta in answer.completion.deltas:
        for _ in answer.output.push(delta):
            pass
    for _ in answer.output.finish():
        pass
    return answer.finished()


async def _events(answer: _Answer, deltas: Begun[Delta]) -> AsyncGenerator[bytes, None]:
    number = -1

    def encoded(event: Event) -> bytes:
        nonlocal number
        number += 1
        return sse({**event, "sequence_number": number}, event=event["type"])

    for kind in ("created", "in_progress"):
        yield encoded({"type": f"response.{kind}", "response": answer.response("in_progress")})
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                for event in answer.output.push(delta):
                    yield encoded(event)
    except Exception as error:
        known = as_service_error(error)
        failure = {"code": "server_error", "message": openai_error(known)["error"]["message"]}
        yield encoded({"type": "response.failed", "response": answer.response("failed", failure)})
        return
    for event in answer.output.finish():
        yield encoded(event)
    response = answer.finished()
    yield encoded({"type": f"response.{response['status']}", "response": response})

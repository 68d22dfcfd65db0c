"""POST /v1/responses, and GET and DELETE of what it has stored."""

import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from apis.errors import as_service_error, openai_error
from apis.model_names import ModelNames
from apis.openai.answers import ERRORS, DeletedResponse, InputItems, InputTokens, ResponseObject
from apis.openai.response_items import messages_of
from apis.openai.response_object import response_object
from apis.openai.response_output import Event, ResponseOutput
from apis.openai.response_schemas import InputRequest, ResponsesRequest
from apis.openai.response_store import ResponseStore, StoredResponse
from apis.peeked_stream import PeekedStream, peek
from apis.timing import cache_headers, server_timing, waiting_comment
from chat.completion import Completion
from chat.conversation import Message
from chat.deltas import Delta
from chat.service import ChatService
from configuration.sampling import SamplingParams
from model_files.model_config import sampling_defaults
from web.bodies import read_body
from web.openapi import answer, body_schema
from web.streaming import JSON, StreamResponse, sse, unless_disconnected

_PING = b": ping\n\n"


def response_routes(service: ChatService, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["OpenAI"], responses=ERRORS)
    store = ResponseStore()

    def earlier_messages(body: InputRequest) -> tuple[Message, ...]:
        return store.continued(body.previous_response_id).messages if body.previous_response_id else ()

    async def responses(request: Request) -> Response:
        body = await read_body(request, ResponsesRequest)
        model = names.resolve(body.model)
        body.refuse_unsupported()
        earlier = earlier_messages(body)
        completion = await service.chat(model, body.conversation(earlier), body.options())
        answer = _Answer(body, completion, earlier, store, sampling_defaults(model.directory))
        if not body.stream:
            whole = await unless_disconnected(request, _collect(answer))
            return JSON(whole, headers=server_timing(completion.timings))
        deltas = await unless_disconnected(request, peek(completion.deltas))
        return StreamResponse(
            _events(answer, deltas),
            media_type="text/event-stream",
            headers=cache_headers([completion]),
            source=deltas,
            heartbeat=lambda: waiting_comment([completion]) or _PING,
        )

    async def input_tokens(request: Request) -> JSON:
        body = await read_body(request, InputRequest)
        model = names.resolve(body.model)
        body.refuse_unsupported()
        tokens = await service.count_tokens(model, body.conversation(earlier_messages(body)))
        return JSON({"object": "response.input_tokens", "input_tokens": tokens})

    async def get_response(response_id: str) -> JSON:
        return JSON(store.get(response_id).response)

    async def delete_response(response_id: str) -> JSON:
        store.remove(response_id)
        return JSON({"id": response_id, "object": "response", "deleted": True})

    async def input_items(
        response_id: str,
        order: Literal["asc", "desc"] = "desc",
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        after: str | None = None,
    ) -> JSON:
        """The newest first, unless `order` says otherwise."""
        items = store.get(response_id).input_items
        ordered = items if order == "asc" else items[::-1]
        begin_at = next((n for n, item in enumerate(ordered, start=1) if item["id"] == after), 0) if after else 0
        shown = ordered[begin_at : begin_at + limit]
        return JSON(
            {
                "object": "list",
                "data": shown,
                "has_more": begin_at + limit < len(ordered),
                "first_id": shown[0]["id"] if shown else None,
                "last_id": shown[-1]["id"] if shown else None,
            }
        )

    for prefix in ("/v1/responses", "/responses"):
        answered = answer(ResponseObject, stream="text/event-stream")
        router.post(prefix, openapi_extra=body_schema(ResponsesRequest), responses=answered)(responses)
        router.post(f"{prefix}/input_tokens", openapi_extra=body_schema(InputRequest), responses=answer(InputTokens))(
            input_tokens
        )
        router.get(f"{prefix}/{{response_id}}", responses=answer(ResponseObject))(get_response)
        router.delete(f"{prefix}/{{response_id}}", responses=answer(DeletedResponse))(delete_response)
        router.get(f"{prefix}/{{response_id}}/input_items", responses=answer(InputItems))(input_items)
    return router


@dataclass
class _Answer:
    """One response on its way, and where it is kept in the end."""

    body: ResponsesRequest
    completion: Completion
    earlier: tuple[Message, ...]
    store: ResponseStore
    defaults: SamplingParams
    id: str = field(default_factory=lambda: f"resp_{secrets.token_hex(20)}")
    created: int = field(default_factory=lambda: int(time.time()))
    output: ResponseOutput = field(init=False)

    def __post_init__(self) -> None:
        self.output = ResponseOutput(self.body.offered, top_logprobs=self.body.top_logprobs or 0)

    def response(self, status: str, error: dict[str, Any] | None = None) -> dict[str, Any]:
        completed = int(time.time()) if status == "completed" else None
        head = {
            "id": self.id,
            "created_at": self.created,
            "completed_at": completed,
            "status": status,
            "error": error,
        }
        return response_object(
            self.body, self.completion, defaults=self.defaults, head=head, output=list(self.output.items)
        )

    @property
    def cut(self) -> bool:
        """Whether the token limit ended the answer."""
        return self.completion.finish_reason == "length"

    def finished(self) -> dict[str, Any]:
        """The whole response, stored if that is wanted."""
        response = self.response("incomplete" if self.cut else "completed")
        if self.body.store is not False:
            items = self.body.items()
            messages = (*self.earlier, *messages_of(items, self.earlier), self.output.message())
            self.store.add(StoredResponse(response, [item.listed() for item in items], messages))
        return response


async def _collect(answer: _Answer) -> dict[str, Any]:
    async for delta in answer.completion.deltas:
        for _ in answer.output.push(delta):
            pass
    for _ in answer.output.finish(cut=answer.cut):
        pass
    return answer.finished()


async def _events(answer: _Answer, deltas: PeekedStream[Delta]) -> AsyncGenerator[bytes, None]:
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
    for event in answer.output.finish(cut=answer.cut):
        yield encoded(event)
    response = answer.finished()
    yield encoded({"type": f"response.{response['status']}", "response": response})

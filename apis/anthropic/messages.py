"""POST /v1/messages and /v1/messages/count_tokens."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response

from apis.anthropic.answers import ERRORS, AnthropicMessage, TokenCount
from apis.anthropic.blocks import AnthropicAnswer, Event
from apis.anthropic.conversation import conversation_of
from apis.anthropic.schemas import MessagesRequest, PromptRequest
from apis.errors import anthropic_error, as_service_error
from apis.model_names import ModelNames
from apis.peeked_stream import PeekedStream, peek
from apis.timing import cache_headers, server_timing, waiting_comment
from chat.answer import Delta
from chat.service import ChatService
from web.bodies import read_body
from web.openapi import answer, body_schema
from web.streaming import JSON, StreamResponse, sse, unless_disconnected


def message_routes(service: ChatService, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["Anthropic"], responses=ERRORS)

    @router.post(
        "/v1/messages",
        openapi_extra=body_schema(MessagesRequest),
        responses=answer(AnthropicMessage, stream="text/event-stream"),
    )
    async def messages(request: Request) -> Response:
        body = await read_body(request, MessagesRequest)
        completion = await service.chat(names.resolve(body.model), conversation_of(body), body.options())
        answer = AnthropicAnswer(completion)
        if not body.stream:
            whole = await unless_disconnected(request, _collect(answer))
            return JSON(whole, headers=server_timing(completion.timings))
        deltas = await unless_disconnected(request, peek(completion.deltas))
        ping = _encode({"type": "ping"})
        return StreamResponse(
            _events(answer, deltas),
            media_type="text/event-stream",
            headers=cache_headers([completion]),
            source=deltas,
            heartbeat=lambda: waiting_comment([completion]) + ping,
        )

    @router.post("/v1/messages/count_tokens", openapi_extra=body_schema(PromptRequest), responses=answer(TokenCount))
    async def count_tokens(request: Request) -> dict[str, int]:
        body = await read_body(request, PromptRequest)
        return {"input_tokens": await service.count_tokens(names.resolve(body.model), conversation_of(body))}

    return router


async def _events(answer: AnthropicAnswer, deltas: PeekedStream[Delta]) -> AsyncGenerator[bytes, None]:
    yield _encode(answer.start())
    yield _encode({"type": "ping"})
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                for event in answer.events(delta):
                    yield _encode(event)
    except Exception as error:
        yield _encode(anthropic_error(as_service_error(error)))
        return
    for event in answer.last_events():
        yield _encode(event)


async def _collect(answer: AnthropicAnswer) -> dict[str, Any]:
    return answer.whole([delta async for delta in answer.completion.deltas])


def _encode(event: Event) -> bytes:
    return sse(event, event=event["type"])

"""POST /v1/chat/completions."""

import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request, Response

from apis.begin import begin
from apis.errors import as_service_error, openai_error
from apis.model_names import ModelNames
from apis.openai.schemas import ChatRequest
from apis.timing import server_timing
from chat.answer import Delta
from chat.conversation import ToolCall
from chat.service import ChatService, Completion
from web.bodies import body_schema, read_body
from web.streaming import JSON, SSE_DONE, StreamResponse, sse, unless_disconnected


def chat_routes(service: ChatService, names: ModelNames) -> APIRouter:
    """The route under both of its paths."""
    router = APIRouter()

    async def chat_completions(request: Request) -> Response:
        body = await read_body(request, ChatRequest)
        model = names.resolve(body.model)
        body.refuse_unsupported()
        completion = await service.chat(model, body.conversation(), body.options())
        answer = _Answer(completion)
        if not body.stream:
            whole = await unless_disconnected(request, _collect(answer))
            return JSON(whole, headers=server_timing(completion.timings)) if whole else Response(status_code=499)
        deltas = await unless_disconnected(request, begin(completion.deltas))
        if deltas is None:
            return Response(status_code=499)
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        chunks = _chunks(answer, deltas, with_usage=with_usage)
        # A comment would satisfy a connection's watchdog, but not the agents that wait for content.
        return StreamResponse(
            chunks, media_type="text/event-stream", heartbeat=lambda: sse(answer.chunk({"content": ""}))
        )

    for path in ("/v1/chat/completions", "/chat/completions"):
        router.add_api_route(
            path, chat_completions, methods=["POST"], tags=["OpenAI"], openapi_extra=body_schema(ChatRequest)
        )
    return router


@dataclass
class _Answer:
    """The parts that every chunk of one answer shares."""

    completion: Completion
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))
    calls: int = 0

    def chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._object("chat.completion.chunk", [choice])

    def usage_chunk(self) -> dict[str, Any]:
        return {**self._object("chat.completion.chunk", []), "usage": self.usage()}

    def whole(self, message: dict[str, Any]) -> dict[str, Any]:
        finish_reason = self.completion.finish_reason
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
        return {**self._object("chat.completion", [choice]), "usage": self.usage()}

    def usage(self) -> dict[str, int]:
        prompt, generated = len(self.completion.prompt_ids), len(self.completion.generated_ids)
        return {"prompt_tokens": prompt, "completion_tokens": generated, "total_tokens": prompt + generated}

    def delta(self, delta: Delta) -> dict[str, Any]:
        if delta.tool_call is not None:
            call = {"index": self.calls, **_tool_call(delta.tool_call)}
            self.calls += 1
            return {"tool_calls": [call]}
        return {"reasoning_content": delta.reasoning} if delta.reasoning else {"content": delta.text}

    def _object(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        model = self.completion.model.public_id
        return {"id": self.id, "object": kind, "created": self.created, "model": model, "choices": choices}


async def _chunks(
    answer: _Answer, deltas: AsyncGenerator[Delta, None], *, with_usage: bool
) -> AsyncGenerator[bytes, None]:
    usage: dict[str, None] = {"usage": None} if with_usage else {}
    yield sse({**answer.chunk({"role": "assistant", "content": ""}), **usage})
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                yield sse({**answer.chunk(answer.delta(delta)), **usage})
    except Exception as error:
        yield sse(openai_error(as_service_error(error)))
        return
    yield sse({**answer.chunk({}, answer.completion.finish_reason), **usage})
    if with_usage:
        yield sse(answer.usage_chunk())
    yield SSE_DONE


async def _collect(answer: _Answer) -> dict[str, Any]:
    deltas = [delta async for delta in answer.completion.deltas]
    calls = [_tool_call(delta.tool_call) for delta in deltas if delta.tool_call]
    text = "".join(delta.text for delta in deltas)
    reasoning = "".join(delta.reasoning for delta in deltas)
    message: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else "")}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = calls
    return answer.whole(message)


def _tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}

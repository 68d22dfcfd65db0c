"""POST /v1/chat/completions."""

import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request, Response

from apis.errors import as_service_error, openai_error
from apis.logprobs import openai_logprobs
from apis.merge import merge
from apis.model_names import ModelNames
from apis.openai.answers import ERRORS, ChatCompletion
from apis.openai.schemas import ChatRequest
from apis.openai.usage import usage_of
from apis.peeked_stream import PeekedStream, peek
from apis.timing import cache_headers, server_timing, timings_of, waiting_comment
from chat.answer import Delta
from chat.collected import CollectedCall, CollectedCalls
from chat.completion import Completion
from chat.deltas import CallPart
from chat.service import ChatService
from pools.served_model import ServedModel
from web.bodies import read_body
from web.openapi import answer, body_schema
from web.streaming import JSON, SSE_DONE, StreamResponse, json_bytes, sse, unless_disconnected

_PLACE = "\x00text"
"""Nothing else in an event reads like this."""


def chat_routes(service: ChatService, names: ModelNames) -> APIRouter:
    """The route under both of its paths."""
    router = APIRouter(responses=ERRORS)

    async def chat_completions(request: Request) -> Response:
        body = await read_body(request, ChatRequest)
        model = names.resolve(body.model)
        body.refuse_unsupported()
        conversation = body.conversation()
        completions = [await service.chat(model, conversation, body.options(choice)) for choice in range(body.n or 1)]
        answers = _Answers(model, completions, body.top_logprobs or 0)
        deltas = merge([completion.deltas for completion in completions])
        if not body.stream:
            whole = await unless_disconnected(request, _collect(answers, deltas))
            return JSON(whole, headers=answers.timing())
        begun = await unless_disconnected(request, peek(deltas))
        # A comment would satisfy a connection's watchdog, but not the agents that wait for content.
        return StreamResponse(
            _chunks(answers, begun, with_usage=body.with_usage),
            media_type="text/event-stream",
            headers=cache_headers(completions),
            source=begun,
            heartbeat=lambda: waiting_comment(completions) + sse(answers.chunk(0, {"content": ""})),
        )

    for path in ("/v1/chat/completions", "/chat/completions"):
        router.add_api_route(
            path,
            chat_completions,
            methods=["POST"],
            tags=["OpenAI"],
            openapi_extra=body_schema(ChatRequest),
            responses=answer(ChatCompletion, stream="text/event-stream"),
        )
    return router


@dataclass
class _Answers:
    """The choices of one response, and what every chunk of it shares."""

    model: ServedModel
    completions: list[Completion]
    top_logprobs: int
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def chunk(
        self,
        index: int,
        delta: dict[str, Any],
        finish_reason: str | None = None,
        logprobs: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        return self._object("chat.completion.chunk", [choice])

    def usage_chunk(self) -> dict[str, Any]:
        return {**self._object("chat.completion.chunk", []), **self.totals()}

    def whole(self, choices: list["_Choice"]) -> dict[str, Any]:
        finished = [
            {
                "index": index,
                "message": choice.message(),
                "logprobs": self.logprobs(choice.deltas),
                "finish_reason": completion.finish_reason,
            }
            for index, (choice, completion) in enumerate(zip(choices, self.completions, strict=True))
        ]
        return {**self._object("chat.completion", finished), **self.totals()}

    def totals(self) -> dict[str, Any]:
        usage = usage_of(self.completions[:1], self.completions)  # the choices share their prompt
        return {"usage": usage, "timings": timings_of(self.completions)}

    def logprobs(self, deltas: list[Delta]) -> dict[str, Any] | None:
        tokens = [token for delta in deltas for token in delta.logprobs]
        if not tokens:
            return None
        return {"content": openai_logprobs(tokens, top=self.top_logprobs), "refusal": None}

    def timing(self) -> dict[str, str]:
        return server_timing(max((each.timings for each in self.completions), key=lambda each: each.total_seconds))

    def _object(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model.public_id}
        return {**head, "choices": choices}


class _TextEvents:
    """Events of plain text, the most frequent by far: all but the text is encoded once."""

    def __init__(self, answers: _Answers, usage: dict[str, None]) -> None:
        self._frames = [
            sse({**answers.chunk(index, {"content": _PLACE}), **usage}).split(json_bytes(_PLACE), 1)
            for index in range(len(answers.completions))
        ]

    def event(self, index: int, text: str) -> bytes:
        head, tail = self._frames[index]
        return head + json_bytes(text) + tail


@dataclass
class _Choice:
    """One answer, collected."""

    deltas: list[Delta] = field(default_factory=list)

    def message(self) -> dict[str, Any]:
        calls = [_tool_call(call) for call in CollectedCalls(self.deltas).all]
        text = "".join(delta.text for delta in self.deltas)
        reasoning = "".join(delta.reasoning for delta in self.deltas)
        message: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else ""), "refusal": None}
        if reasoning:
            message["reasoning_content"] = reasoning
        if calls:
            message["tool_calls"] = calls
        return message


async def _chunks(answers: _Answers, deltas: PeekedStream[Delta], *, with_usage: bool) -> AsyncGenerator[bytes, None]:
    usage: dict[str, None] = {"usage": None} if with_usage else {}
    texts = _TextEvents(answers, usage)
    for index in range(len(answers.completions)):
        yield sse({**answers.chunk(index, {"role": "assistant", "content": ""}), **usage})
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                if delta.text and not delta.logprobs:
                    yield texts.event(delta.choice, delta.text)
                    continue
                fields = _fields(delta)
                if fields or delta.logprobs:
                    yield sse({**answers.chunk(delta.choice, fields, logprobs=answers.logprobs([delta])), **usage})
    except Exception as error:
        yield sse(openai_error(as_service_error(error)))
        return
    for index, completion in enumerate(answers.completions):
        yield sse({**answers.chunk(index, {}, completion.finish_reason), **usage})
    if with_usage:
        yield sse(answers.usage_chunk())
    yield SSE_DONE


async def _collect(answers: _Answers, deltas: AsyncGenerator[Delta, None]) -> dict[str, Any]:
    choices = [_Choice() for _ in answers.completions]
    async for delta in deltas:
        choices[delta.choice].deltas.append(delta)
    return answers.whole(choices)


def _fields(delta: Delta) -> dict[str, Any]:
    if delta.call_part is not None:
        return {"tool_calls": [_call_part(delta.call_part)]}
    if delta.reasoning:
        return {"reasoning_content": delta.reasoning}
    return {"content": delta.text} if delta.text else {}


def _call_part(part: CallPart) -> dict[str, Any]:
    """An id or a name that came twice would be doubled by the client."""
    if part.id is None:
        return {"index": part.index, "function": {"arguments": part.arguments}}
    function = {"name": part.name, "arguments": part.arguments}
    return {"index": part.index, "id": part.id, "type": "function", "function": function}


def _tool_call(call: CollectedCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}

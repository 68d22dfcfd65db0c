"""POST /api/chat and /api/generate."""

import datetime
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter, Request, Response

from apis.errors import as_service_error, ollama_error
from apis.logprobs import ollama_logprobs
from apis.model_names import ModelNames
from apis.ollama.answers import ERRORS, LINES, GenerateAnswer, OllamaChatAnswer
from apis.ollama.durations import eval_duration, load_duration
from apis.ollama.schemas import CommonRequest, GenerateRequest, OllamaChatRequest
from apis.peeked_stream import PeekedStream, peek
from apis.timing import cache_headers, server_timing
from chat.answer import Delta
from chat.collected import CollectedCall, CollectedCalls
from chat.completion import Completion
from chat.service import ChatService
from model_manager import ModelManager
from pools.served_model import ServedModel
from web.bodies import read_body
from web.errors import InvalidRequest
from web.openapi import answer, body_schema
from web.streaming import JSON, StreamResponse, ndjson, unless_disconnected

_NANOSECONDS = 1e9
Fields = Callable[[str, str, list[CollectedCall]], dict[str, Any]]


def generation_routes(service: ChatService, manager: ModelManager, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["Ollama"], responses=ERRORS)

    @router.post(
        "/api/chat", openapi_extra=body_schema(OllamaChatRequest), responses=answer(OllamaChatAnswer, stream=LINES)
    )
    async def chat(request: Request) -> Response:
        body = await read_body(request, OllamaChatRequest)
        model = _resolve(body)
        if not body.messages:
            return JSON(await _load_or_unload(manager, model, body, _chat_fields("", "", [])))
        completion = await service.chat(model, body.conversation(), body.generation_options())
        return await _respond(request, body, completion, _chat_fields, {})

    @router.post(
        "/api/generate", openapi_extra=body_schema(GenerateRequest), responses=answer(GenerateAnswer, stream=LINES)
    )
    async def generate(request: Request) -> Response:
        body = await read_body(request, GenerateRequest)
        model = _resolve(body)
        if not body.prompt:
            return JSON(await _load_or_unload(manager, model, body, _generate_fields("", "", [])))
        if body.raw:
            completion = await service.complete(model, body.prompt, body.generation_options())
        else:
            completion = await service.chat(
                model, body.conversation(), body.generation_options(), preceding_ids=body.context or ()
            )
        # Raw mode gives no context; and ids say nothing of images.
        extra = {"context": not (body.raw or body.images)}
        return await _respond(request, body, completion, _generate_fields, extra)

    def _resolve(body: CommonRequest) -> ServedModel:
        model = names.resolve(body.model)
        body.refuse_unsupported()
        if body.think and not model.facts.thinking:
            raise InvalidRequest(f'"{body.model}" does not support thinking', param="think")
        return model

    return router


async def _respond(
    request: Request, body: CommonRequest, completion: Completion, fields: Fields, extra: dict[str, Any]
) -> Response:
    if body.stream is False:
        whole = await unless_disconnected(request, _collect(body, completion, fields, extra))
        return JSON(whole, headers=server_timing(completion.timings))
    deltas = await unless_disconnected(request, peek(completion.deltas))
    lines = _lines(body, completion, deltas, fields, extra)
    # The Python client breaks on a blank line; an empty chunk is safe.
    return StreamResponse(
        lines,
        media_type=LINES,
        headers=cache_headers([completion]),
        source=deltas,
        heartbeat=lambda: ndjson({**_head(body.model), **fields("", "", []), "done": False}),
    )


async def _lines(
    body: CommonRequest,
    completion: Completion,
    deltas: PeekedStream[Delta],
    fields: Fields,
    extra: dict[str, Any],
) -> AsyncGenerator[bytes, None]:
    collected = CollectedCalls()
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                collected.push(delta)
                calls = [call for call in collected.all if delta.tool_call and call.id == delta.tool_call.id]
                logprobs = _logprobs([delta], body)
                if delta.call_part and not (calls or logprobs):
                    continue  # arguments are objects here, which come whole
                yield ndjson(
                    {**_head(body.model), **fields(delta.text, delta.reasoning, calls), **logprobs, "done": False}
                )
    except Exception as error:
        yield ndjson(ollama_error(as_service_error(error)))
        return
    if collected.cut:
        yield ndjson({**_head(body.model), **fields("", "", collected.cut), "done": False})
    yield ndjson({**_head(body.model), **fields("", "", []), **_tail(completion, extra)})


async def _collect(
    body: CommonRequest, completion: Completion, fields: Fields, extra: dict[str, Any]
) -> dict[str, Any]:
    deltas = [delta async for delta in completion.deltas]
    text = "".join(delta.text for delta in deltas)
    reasoning = "".join(delta.reasoning for delta in deltas)
    calls = CollectedCalls(deltas).all
    return {
        **_head(body.model),
        **fields(text, reasoning, calls),
        **_logprobs(deltas, body),
        **_tail(completion, extra),
    }


def _logprobs(deltas: list[Delta], body: CommonRequest) -> dict[str, Any]:
    tokens = [token for delta in deltas for token in delta.logprobs]
    return {"logprobs": ollama_logprobs(tokens, top=body.top_logprobs or 0)} if tokens else {}


async def _load_or_unload(
    manager: ModelManager, model: ServedModel, body: CommonRequest, fields: dict[str, Any]
) -> dict[str, Any]:
    """What an empty prompt asks for: have the model in memory, or with keep_alive 0 not."""
    pool = manager.pool(model.id)
    if body.keep_alive_seconds == 0:
        pool.keep(0)  # those at work end after it
        await manager.unload_idle(model.id)
        return {**_head(body.model), **fields, "done": True, "done_reason": "unload"}
    await manager.preload(model.id, max(1, len(pool.loaded_instances)), keep_alive=body.keep_alive_seconds)
    return {**_head(body.model), **fields, "done": True, "done_reason": "load"}


def _chat_fields(text: str, reasoning: str, calls: list[CollectedCall]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if reasoning:
        message["thinking"] = reasoning
    if calls:
        message["tool_calls"] = [_tool_call(call) for call in calls]
    return {"message": message}


def _generate_fields(text: str, reasoning: str, calls: list[CollectedCall]) -> dict[str, Any]:
    fields: dict[str, Any] = {"response": text}
    if reasoning:
        fields["thinking"] = reasoning
    if calls:
        fields["tool_calls"] = [_tool_call(call) for call in calls]
    return fields


def _tool_call(call: CollectedCall) -> dict[str, Any]:
    return {"id": call.id, "function": {"index": call.index, "name": call.name, "arguments": call.members()}}


def _head(name: str) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"model": name, "created_at": now.isoformat(timespec="microseconds").replace("+00:00", "Z")}


def _tail(completion: Completion, extra: dict[str, Any]) -> dict[str, Any]:
    timings = completion.timings
    tail = {
        "done": True,
        "done_reason": "length" if completion.finish_reason == "length" else "stop",
        "total_duration": int(timings.total_seconds * _NANOSECONDS),
        "load_duration": load_duration(timings),
        "prompt_eval_count": completion.prompt_tokens,
        "prompt_eval_duration": int(timings.prefill_seconds * _NANOSECONDS),
        "eval_count": len(completion.generated_ids),
        "eval_duration": eval_duration(timings, len(completion.generated_ids)),
    }
    if extra.get("context"):
        tail["context"] = [*completion.prompt_ids, *completion.generated_ids]
    return tail

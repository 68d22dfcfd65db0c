"""POST /v1/completions: texts continued as they stand, without a chat template."""

import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request, Response

from apis.errors import as_service_error, openai_error
from apis.logprobs import TextLogprobs
from apis.merge import merge
from apis.model_names import ModelNames
from apis.openai.answers import ERRORS
from apis.openai.answers import TextCompletion as Whole
from apis.openai.completion_schemas import CompletionRequest
from apis.openai.usage import usage_of
from apis.peeked_stream import PeekedStream, peek
from apis.timing import cache_headers, server_timing, waiting_comment
from chat.answer import Delta
from chat.completion import Completion
from chat.deltas import TokenLogprob
from chat.service import ChatService
from pools.served_model import ServedModel
from web.bodies import read_body
from web.openapi import answer, body_schema
from web.streaming import JSON, SSE_DONE, StreamResponse, sse, unless_disconnected


def completion_routes(service: ChatService, names: ModelNames) -> APIRouter:
    router = APIRouter(responses=ERRORS)

    async def completions(request: Request) -> Response:
        body = await read_body(request, CompletionRequest)
        model = names.resolve(body.model)
        body.refuse_unsupported()
        answers = await unless_disconnected(request, _answers(service, model, body))
        deltas = merge([completion.deltas for completion in answers.completions])
        if not body.stream:
            whole = await unless_disconnected(request, _collect(answers, deltas))
            return JSON(whole, headers=answers.timing())
        begun = await unless_disconnected(request, peek(deltas))
        return StreamResponse(
            _chunks(answers, begun, with_usage=body.with_usage),
            media_type="text/event-stream",
            headers=cache_headers(answers.completions),
            source=begun,
            heartbeat=lambda: waiting_comment(answers.completions) + sse(answers.chunk(0, Delta())),
        )

    for path in ("/v1/completions", "/completions"):
        router.add_api_route(
            path,
            completions,
            methods=["POST"],
            tags=["OpenAI"],
            openapi_extra=body_schema(CompletionRequest),
            responses=answer(Whole, stream="text/event-stream"),
        )
    return router


@dataclass(frozen=True)
class _Prefix:
    """What an answer repeats of its prompt, and how likely each token of it is where that was asked."""

    text: str = ""
    tokens: tuple[TokenLogprob, ...] = ()

    @property
    def offset(self) -> int:
        """Where the tokens that come with log probabilities begin."""
        return 0 if self.tokens else len(self.text)


@dataclass
class _Answers:
    """The choices of one response; `prefixes` is what each repeats of its prompt."""

    model: ServedModel
    completions: list[Completion]
    prefixes: list[_Prefix]
    choices_per_prompt: int
    logprobs: list[TextLogprobs]
    id: str = field(default_factory=lambda: f"cmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def response(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        head = {"id": self.id, "object": "text_completion", "created": self.created, "model": self.model.public_id}
        return {**head, "choices": choices}

    def chunk(self, index: int, delta: Delta, finish_reason: str | None = None) -> dict[str, Any]:
        logprobs = self.logprobs[index].push(delta.logprobs)
        return self.response([_choice(index, delta.text, finish_reason, logprobs)])

    def usage(self) -> dict[str, Any]:
        # The answers to one prompt share it.
        return usage_of(self.completions[:: self.choices_per_prompt], self.completions)

    def timing(self) -> dict[str, str]:
        return server_timing(max((each.timings for each in self.completions), key=lambda each: each.total_seconds))


async def _answers(service: ChatService, model: ServedModel, body: CompletionRequest) -> _Answers:
    completions: list[Completion] = []
    prefixes: list[_Prefix] = []
    choices = body.n or 1
    for prompt in body.prompts():
        asked = [await service.complete(model, prompt, body.options(choice)) for choice in range(choices)]
        completions += asked
        prefixes += [await _prefix(service, model, body, prompt, asked[0])] * choices
    if body.max_tokens == 0:
        for completion in completions:
            await completion.deltas.aclose()
            completion.deltas, completion.finish_reason = _nothing(), "length"
    logprobs = [TextLogprobs(offset=prefix.offset, top=body.logprobs or 0) for prefix in prefixes]
    return _Answers(model, completions, prefixes, choices, logprobs)


async def _prefix(
    service: ChatService, model: ServedModel, body: CompletionRequest, prompt: str | list[int], asked: Completion
) -> _Prefix:
    if not body.echo:
        return _Prefix()
    if body.logprobs is not None:
        tokens = await service.score(model, asked.prompt_ids, top=body.logprobs)
        return _Prefix(b"".join(token.piece for token in tokens).decode("utf-8", "replace"), tuple(tokens))
    return _Prefix(prompt if isinstance(prompt, str) else (await service.tokenizer(model)).decode(prompt))


async def _nothing() -> AsyncGenerator[Delta, None]:
    for delta in ():
        yield delta


async def _collect(answers: _Answers, deltas: AsyncGenerator[Delta, None]) -> dict[str, Any]:
    texts = [prefix.text for prefix in answers.prefixes]
    tokens = [list(prefix.tokens) for prefix in answers.prefixes]
    async for delta in deltas:
        texts[delta.choice] += delta.text
        tokens[delta.choice] += delta.logprobs
    choices = [
        _choice(index, texts[index], completion.finish_reason, answers.logprobs[index].push(tokens[index]))
        for index, completion in enumerate(answers.completions)
    ]
    return {**answers.response(choices), "usage": answers.usage()}


async def _chunks(answers: _Answers, deltas: PeekedStream[Delta], *, with_usage: bool) -> AsyncGenerator[bytes, None]:
    usage: dict[str, None] = {"usage": None} if with_usage else {}
    for index, prefix in enumerate(answers.prefixes):
        if prefix.text:
            yield sse({**answers.chunk(index, Delta(prefix.text, logprobs=prefix.tokens)), **usage})
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                yield sse({**answers.chunk(delta.choice, delta), **usage})
    except Exception as error:
        yield sse(openai_error(as_service_error(error)))
        return
    for index, completion in enumerate(answers.completions):
        yield sse({**answers.chunk(index, Delta(), completion.finish_reason), **usage})
    if with_usage:
        yield sse({**answers.response([]), "usage": answers.usage()})
    yield SSE_DONE


def _choice(index: int, text: str, finish_reason: str | None, logprobs: dict[str, Any] | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}

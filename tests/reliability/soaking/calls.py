"""Single calls of all kinds, each looked at closely: they return or raise `CallFailed`."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema

from tests.reliability.soaking.book import CallFailed
from tests.reliability.soaking.dialects import Dialect, Said

PATIENCE_SECONDS = 120.0
LAMP = {
    "type": "object",
    "properties": {"room": {"type": "string", "maxLength": 8}, "on": {"type": "boolean"}},
    "required": ["room", "on"],
    "additionalProperties": False,
}


CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def new_client() -> httpx.AsyncClient:
    """A connection for each call: one that was kept could break through no fault of the call that comes to use it."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=PATIENCE_SECONDS, trust_env=False, limits=limits)


@asynccontextmanager
async def _transport() -> AsyncGenerator[None, None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise CallFailed("late", type(error).__name__) from error
    except httpx.TransportError as error:
        raise CallFailed("cut", f"{type(error).__name__} {error}") from error


async def request(http: httpx.AsyncClient, method: str, url: str, **options: Any) -> httpx.Response:
    """An answer with the status 200."""
    async with _transport():
        response = await http.request(method, url, **options)
    if response.status_code != 200:
        raise CallFailed("refused", f"{response.status_code} {response.text[:300]}", response.status_code)
    return response


async def lines(http: httpx.AsyncClient, method: str, url: str, **options: Any) -> AsyncGenerator[str, None]:
    async with _transport(), http.stream(method, url, **options) as response:
        if response.status_code != 200:
            text = (await response.aread()).decode(errors="replace")
            raise CallFailed("refused", f"{response.status_code} {text[:300]}", response.status_code)
        async for line in response.aiter_lines():
            yield line


async def say(
    http: httpx.AsyncClient, url: str, dialect: Dialect, model: str, question: str, *, tokens: int, stream: bool
) -> Said:
    body = dialect.body(model, question, tokens, stream)
    if not stream:
        return dialect.whole((await request(http, "POST", url + dialect.path, json=body)).json())
    answer = dialect.stream()
    async with aclosing(lines(http, "POST", url + dialect.path, json=body)) as read:
        async for line in read:
            answer.feed(line)
    return answer.said()


async def leave(http: httpx.AsyncClient, url: str, dialect: Dialect, model: str, question: str, pieces: int) -> None:
    """Read so many pieces of a stream, then go away without a word."""
    answer = dialect.stream()
    body = dialect.body(model, question, 256, True)
    async with aclosing(lines(http, "POST", url + dialect.path, json=body)) as read:
        async for line in read:
            pieces -= bool(answer.feed(line))
            if pieces <= 0:
                return


async def give_up(http: httpx.AsyncClient, url: str, dialect: Dialect, model: str, question: str, after: float) -> None:
    """Ask for a whole answer, and go away while it is being made."""
    body = dialect.body(model, question, 256, False)
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(request(http, "POST", url + dialect.path, json=body), after)


async def call_tool(http: httpx.AsyncClient, url: str, model: str, stream: bool) -> str:
    """The arguments of a demanded call.

    Of a tool that the demo model knows: of another it is not sure, and what else is in the batch turns the scales.
    """
    function = {"name": "get_weather", "description": "Get the weather of a city", "parameters": CITY}
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "Will it rain in Chicago today?"}],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "temperature": 0,
        "stream": stream,
    }
    path = f"{url}/v1/chat/completions"
    if not stream:
        choice = (await request(http, "POST", path, json=body)).json()["choices"][0]
        arguments, reason = choice["message"]["tool_calls"][0]["function"]["arguments"], choice["finish_reason"]
    else:
        arguments, reason = await _streamed_call(http, path, body)
    if reason != "tool_calls":
        raise CallFailed("wrong", f"a tool call ended for the reason {reason!r}")
    return _valid(arguments, CITY)


async def _streamed_call(http: httpx.AsyncClient, url: str, body: dict[str, Any]) -> tuple[str, str | None]:
    arguments, reason, ended = "", None, False
    async with aclosing(lines(http, "POST", url, json=body)) as read:
        async for line in read:
            ended = ended or line == "data: [DONE]"
            if not line.startswith("data: {"):
                continue
            event = json.loads(line.removeprefix("data: "))
            if "error" in event:
                raise CallFailed("error event", event["error"]["message"])
            for choice in event["choices"]:
                reason = choice["finish_reason"] or reason
                for call in choice["delta"].get("tool_calls") or ():
                    arguments += call["function"].get("arguments") or ""
    if not ended:
        raise CallFailed("cut", "the stream ended without [DONE]")
    return arguments, reason


async def fill_form(http: httpx.AsyncClient, url: str, model: str) -> str:
    """An answer of a JSON schema."""
    schema = {"name": "lamp", "schema": LAMP, "strict": True}
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "Which lamp is on? Answer in JSON."}],
        "response_format": {"type": "json_schema", "json_schema": schema},
        "temperature": 0,
    }
    answer = (await request(http, "POST", f"{url}/v1/chat/completions", json=body)).json()
    return _valid(answer["choices"][0]["message"]["content"], LAMP)


def _valid(text: str, schema: dict[str, Any]) -> str:
    try:
        jsonschema.validate(json.loads(text), schema)
    except (ValueError, jsonschema.ValidationError) as error:
        raise CallFailed("wrong", f"{text[:80]!r} is not of the form asked for: {error}") from error
    return text


async def embed(http: httpx.AsyncClient, url: str, model: str, texts: Sequence[str], *, ollama: bool) -> list[float]:
    """The vectors of all texts, one after the other."""
    path = "/api/embed" if ollama else "/v1/embeddings"
    answer = (await request(http, "POST", url + path, json={"model": model, "input": list(texts)})).json()
    vectors = answer["embeddings"] if ollama else [each["embedding"] for each in answer["data"]]
    if len(vectors) != len(texts):
        raise CallFailed("wrong", f"{len(vectors)} vectors for {len(texts)} texts")
    return [number for vector in vectors for number in vector]


async def rerank(http: httpx.AsyncClient, url: str, model: str, query: str, texts: Sequence[str]) -> list[float]:
    """The scores in the order of the texts."""
    body = {"model": model, "query": query, "documents": list(texts)}
    results = (await request(http, "POST", f"{url}/v1/rerank", json=body)).json()["results"]
    scores = {each["index"]: each["relevance_score"] for each in results}
    return [scores[number] for number in range(len(texts))]


async def refused(http: httpx.AsyncClient, method: str, url: str, **options: Any) -> None:
    """Nonsense must be answered with a status from 400 to 499."""
    async with _transport():
        response = await http.request(method, url, **options)
    if not 400 <= response.status_code < 500:
        raise CallFailed("refused", f"nonsense got {response.status_code} {response.text[:200]}", response.status_code)


async def half_a_request(url: str, data: bytes) -> None:
    """Send a piece of a request and vanish."""
    address = urlsplit(url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(data)
    await writer.drain()
    writer.transport.abort()

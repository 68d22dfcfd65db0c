"""Clients of the OpenAI API for scenarios: many at once, and every byte looked at."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx

QUESTIONS = (
    "什麼是 OpenVINO？",
    "What is OpenVINO?",
    "Which port does the GPU use?",
    "NPU 的服務埠是多少？",
    "How do I pull a model?",
    "What is device_config.json?",
    "你是誰？",
    "What is the capital of France?",
)


class BrokenStream(Exception):
    """A stream that did not come to its proper end; str() says how."""


def client(url: str) -> httpx.AsyncClient:
    """Without a limit on connections."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=url, timeout=300, limits=limits, trust_env=False)


def request(model: str, question: str, **options: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    return {"model": model, "messages": messages, "temperature": 0, "stream": True, **options}


async def pieces(http: httpx.AsyncClient, body: dict[str, Any]) -> AsyncGenerator[str, None]:
    """The pieces of text of a stream. Raises `BrokenStream`, and httpx's errors."""
    reason = None
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        if response.is_error:
            raise BrokenStream(f"status {response.status_code}: {(await response.aread()).decode()}")
        async for line in response.aiter_lines():
            if line == "data: [DONE]":
                break
            if not line.startswith("data: "):
                continue
            event = json.loads(line.removeprefix("data: "))
            if "error" in event:
                raise BrokenStream(event["error"]["message"])
            for choice in event["choices"]:
                reason = choice["finish_reason"] or reason
                if text := choice["delta"].get("content"):
                    yield text
        else:
            raise BrokenStream("the stream ended without [DONE]")
    if reason is None:
        raise BrokenStream("the stream has no finish_reason")


async def answer(http: httpx.AsyncClient, body: dict[str, Any]) -> str:
    """The whole text of a stream. Raises as `pieces`."""
    return "".join([piece async for piece in pieces(http, body)])


async def answers_alone(http: httpx.AsyncClient, model: str, **options: Any) -> dict[str, str]:
    """What the model says to each of the questions when nothing disturbs it."""
    return {question: await answer(http, request(model, question, **options)) for question in QUESTIONS}

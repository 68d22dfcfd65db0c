"""How much one request may hold, in every API: more is refused before anything is done with it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apis.servers import CHAT, EMBEDDING, RERANKER
from tests.helpers import http

HELLO = {"model": CHAT, "messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "f"}}
FLAT = {"type": "function", "name": "f"}
CLAUDE = {"name": "f", "input_schema": {"type": "object"}}
TOO_MANY: dict[str, tuple[str, dict[str, Any], str]] = {
    "stop": ("/v1/chat/completions", {**HELLO, "stop": ["x"] * 65}, "at most 64 items"),
    "stop of a completion": ("/v1/completions", {"model": CHAT, "prompt": "a", "stop": ["x"] * 65}, "at most 64 items"),
    "stop_sequences": ("/v1/messages", {**HELLO, "max_tokens": 4, "stop_sequences": ["x"] * 65}, "at most 64 items"),
    "options.stop": ("/api/chat", {**HELLO, "options": {"stop": ["x"] * 65}}, "at most 64 items"),
    "prompts": ("/v1/completions", {"model": CHAT, "prompt": ["a"] * 1025}, "1024 choices at most"),
    "choices": ("/v1/completions", {"model": CHAT, "prompt": ["a"] * 9, "n": 128}, "1024 choices at most"),
    "inputs": ("/v1/embeddings", {"model": EMBEDDING, "input": ["a"] * 4097}, "at most 4096 items"),
    "inputs as ids": ("/v1/embeddings", {"model": EMBEDDING, "input": [[300]] * 4097}, "at most 4096 items"),
    "inputs of Ollama": ("/api/embed", {"model": EMBEDDING, "input": ["a"] * 4097}, "at most 4096 items"),
    "documents": ("/v1/rerank", {"model": RERANKER, "query": "a", "documents": ["a"] * 4097}, "at most 4096 items"),
    "tools": ("/v1/chat/completions", {**HELLO, "tools": [TOOL] * 1025}, "at most 1024 items"),
    "tools of Ollama": ("/api/chat", {**HELLO, "tools": [TOOL] * 1025}, "at most 1024 items"),
    "tools of Anthropic": ("/v1/messages", {**HELLO, "max_tokens": 4, "tools": [CLAUDE] * 1025}, "at most 1024 items"),
    "tools of a response": (
        "/v1/responses",
        {"model": CHAT, "input": "a", "tools": [FLAT] * 1025},
        "at most 1024 items",
    ),
    "keep_alive": ("/api/chat", {**HELLO, "keep_alive": "9" * 100_000 + "s"}, "is not a duration"),
}


@pytest.mark.parametrize("what", TOO_MANY)
def test_too_much_is_refused(server: str, what: str) -> None:
    path, body, complaint = TOO_MANY[what]
    answer = http.post(server + path, json=body)
    assert answer.status_code == 400
    assert complaint in answer.text


def test_as_much_as_is_allowed_is_taken(server: str) -> None:
    stop = [f"never{number}" for number in range(64)]
    chat = http.post(f"{server}/v1/chat/completions", json={**HELLO, "stop": stop, "max_tokens": 2})
    assert chat.status_code == 200
    inputs = http.post(f"{server}/v1/embeddings", json={"model": EMBEDDING, "input": ["a"] * 4096}, timeout=120)
    assert len(inputs.json()["data"]) == 4096

"""What each API says of the part of a prompt that was there from the turn before."""

from typing import Any

import httpx

from tests.apis.servers import CHAT, VISION, Script

LONG = "Tell me of the sea. " * 20
TURNS = [
    {"role": "user", "content": LONG},
    {"role": "assistant", "content": "It is wet."},
    {"role": "user", "content": "Go on."},
]


def _usage(url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return httpx.post(f"{url}{path}", json={"model": CHAT, **body}, timeout=60).raise_for_status().json()["usage"]


def test_every_api_tells_them(server: str) -> None:
    short: dict[str, Any] = {"max_tokens": 4, "temperature": 0}
    first = _usage(server, "/v1/chat/completions", {"messages": TURNS[:1], "reasoning_effort": "none", **short})
    shared = first["prompt_tokens"] - 64  # the end of a prompt is the assistant's turn, and blocks are of 32

    chat = _usage(server, "/v1/chat/completions", {"messages": TURNS, "reasoning_effort": "none", **short})
    assert shared <= chat["prompt_tokens_details"]["cached_tokens"] < chat["prompt_tokens"]

    text = _usage(server, "/v1/completions", {"prompt": "x" * 400, **short})
    assert text["prompt_tokens_details"]["cached_tokens"] == 0
    text = _usage(server, "/v1/completions", {"prompt": "x" * 400, **short})
    assert text["prompt_tokens_details"]["cached_tokens"] >= 384

    body = {"input": TURNS, "max_output_tokens": 4, "reasoning": {"effort": "none"}}
    response = _usage(server, "/v1/responses", body)
    assert shared <= response["input_tokens_details"]["cached_tokens"] < response["input_tokens"]

    message = _usage(server, "/v1/messages", {"messages": TURNS, **short})
    assert message["cache_read_input_tokens"] >= shared
    assert message["input_tokens"] + message["cache_read_input_tokens"] == chat["prompt_tokens"]


def test_nothing_is_said_where_nothing_is_known(server: str, scripted: str, script: Script) -> None:
    body = {"messages": TURNS, "max_tokens": 2}
    assert "prompt_tokens_details" not in _usage(scripted, "/v1/chat/completions", body)
    assert "prompt_tokens_details" not in _usage(server, "/v1/chat/completions", {**body, "model": VISION})
    assert _usage(scripted, "/v1/messages", body)["cache_read_input_tokens"] == 0

"""Bodies that are too large, too deep, too long, or have too many parts."""

import json
from typing import Any

from tests.reliability.attacks.attack import Reply, post
from tests.support.launch import DEMO_ID
from web.limits import SHORT_BODY_BYTES

CHAT = "/v1/chat/completions"
CONFIG = "/api/update_config"
_ENDLESS = "x" * 20_000_000
_DEEP = b"[" * 100_000 + b"]" * 100_000


def chat(content: str = "hi", **more: object) -> bytes:
    body = {"model": DEMO_ID, "max_tokens": 4, "messages": [{"role": "user", "content": content}], **more}
    return json.dumps(body).encode()


async def large_bodies(url: str) -> list[Reply]:
    return await post(url, CHAT, *(b"x" * 64_000_000 for _ in range(4)))


async def large_page_bodies(url: str) -> list[Reply]:
    return await post(url, CONFIG, *(b"x" * 64_000_000 for _ in range(4)))


async def just_allowed_bodies(url: str) -> list[Reply]:
    return await post(url, CHAT, *(chat("x" * 31_000_000) for _ in range(2)))


async def many_values(url: str) -> list[Reply]:
    """As many as fit into what is allowed."""
    values = b"[" + b"{}," * 10_000_000 + b"{}]"
    replies = await post(url, CONFIG, b'{"device": "gpu", "models": ' + values + b"}")
    replies = [reply for reply in replies if reply.outcome != "404"]  # the page's path, on a device
    replies += await post(url, CHAT, chat(messages=[]).replace(b"[]", values))
    return [reply for reply in replies if reply.outcome != "404"]


async def endless_names(url: str) -> list[Reply]:
    """Whatever a server would like to repeat in an error, list or log."""
    call = {"type": "function", "function": {"name": _ENDLESS}}
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": _ENDLESS}}}
    bodies = (
        chat(model=_ENDLESS),
        chat(tool_choice=call),
        chat(response_format=schema),
        chat(logit_bias={_ENDLESS: "x"}),
    )
    replies = await post(url, CHAT, *bodies)
    for path, body in other_conversations([]).items():
        replies += await post(url, path, json.dumps({**body, "model": _ENDLESS}).encode())
    for key in ("system", "template"):
        body = {"model": "endless", "from": DEMO_ID, key: _ENDLESS}
        replies += await post(url, "/api/create", json.dumps({**body, "stream": False}).encode())
    return replies


async def endless_page_names(url: str) -> list[Reply]:
    """Those that are refused for their length, and the longest that are not."""
    bodies: list[dict[str, Any]] = []
    for name in (_ENDLESS, _ENDLESS[: SHORT_BODY_BYTES - 1000]):
        bodies += [
            {"device": name, "models": []},
            {"device": "gpu", "models": [{"id": name}]},
            {"device": "gpu", "models": [{"id": "a/b", "extra_config": {"X": name}}]},
        ]
    return await post(url, CONFIG, *(json.dumps({"enabled": True, **body}).encode() for body in bodies))


async def deep_json(url: str) -> list[Reply]:
    replies = await post(url, CONFIG, _DEEP, b'{"device": "gpu", "models": ' + _DEEP + b"}")
    replies = [reply for reply in replies if reply.outcome != "404"]  # the page's path, on a device
    bodies = (_DEEP, b'{"model": "x", "messages": ' + _DEEP + b"}", b'{"a":' * 100_000)
    replies += await post(url, CHAT, *bodies, chat(tools=[]).replace(b"[]", _DEEP))
    return [reply for reply in replies if reply.outcome != "404"]


async def long_prompt(url: str) -> list[Reply]:
    """A million words, each a token at least."""
    return await post(url, CHAT, chat("word " * 1_000_000))


async def many_messages(url: str) -> list[Reply]:
    turns = [{"role": "user" if number % 2 == 0 else "assistant", "content": "hi"} for number in range(10_000)]
    replies = await post(url, CHAT, chat(messages=turns), chat(messages=turns[:4001]))
    for path, body in other_conversations(turns).items():
        replies += await post(url, path, json.dumps(body).encode())
    return replies


def other_conversations(turns: list[dict[str, str]]) -> dict[str, dict[str, Any]]:
    """The same conversation for the other APIs, by path."""
    return {
        "/api/chat": {"model": DEMO_ID, "messages": turns},
        "/v1/messages": {"model": DEMO_ID, "messages": turns, "max_tokens": 4},
        "/v1/responses": {"model": DEMO_ID, "input": turns},
    }

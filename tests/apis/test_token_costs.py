"""What a streamed token costs, in counts that no other load on the machine changes."""

import asyncio
import json
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from fastapi import FastAPI

from instances.handle import Instance
from instances.protocol import FromWorker, GenerationParams, LoadModel, TokenOutputs
from tests.apis.conftest import make_app
from tests.apis.servers import CHAT, MODELS, Script

# As measured when this was written, and a fifth more; whoever raises it should know why.
_MOST_CALLS_A_TOKEN = 108


@pytest.fixture
def app(tmp_path: Path, script: Script) -> FastAPI:
    return make_app(tmp_path, script.instance_maker())


class _Calls:
    """Counts the Python functions that are called in its thread."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> "_Calls":
        sys.setprofile(self._note)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        self.count += event == "call"


async def _stream(app: FastAPI, path: str, body: dict[str, Any]) -> list[bytes]:
    """The pieces of a response's body, as they are handed to the server."""
    sent: list[bytes] = []
    asked = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if asked.is_set():
            await asyncio.sleep(3600)
        asked.set()
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            sent.append(message["body"])

    headers = [(b"host", b"127.0.0.1:11435"), (b"content-type", b"application/json")]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http"}
    addresses = {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 11435), "query_string": b"", "root_path": ""}
    await app({**scope, **addresses, "path": path, "raw_path": path.encode(), "headers": headers}, receive, send)
    return sent


def _ask(stream: bool) -> dict[str, Any]:
    return {"model": CHAT, "messages": [{"role": "user", "content": "Hi"}], "stream": stream, "max_tokens": 1000}


async def test_a_streamed_token_takes_a_bounded_number_of_calls(app: FastAPI, script: Script) -> None:
    async def calls(words: int) -> int:
        script.answer = "word " * words
        with _Calls() as counted:
            await _stream(app, "/v1/chat/completions", _ask(stream=True))
        return counted.count

    await calls(10)  # loads the model and whatever is imported late
    few, many = await calls(40), await calls(140)
    tokens = len(script.encode("word " * 140)) - len(script.encode("word " * 40))
    assert (many - few) / tokens <= _MOST_CALLS_A_TOKEN


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat", "/v1/messages"])
async def test_a_token_is_one_piece_of_the_response(app: FastAPI, script: Script, path: str) -> None:
    lengths: list[int] = []
    for words in (20, 120):
        script.answer = "word " * words
        lengths.append(len(await _stream(app, path, _ask(stream=True))))
    tokens = len(script.encode("word " * 120)) - len(script.encode("word " * 20))
    assert 0 < lengths[1] - lengths[0] <= tokens


class _Counting(Instance):
    frames = 0

    def _handle(self, message: FromWorker) -> None:
        self.frames += isinstance(message, TokenOutputs)
        super()._handle(message)


async def test_a_step_of_many_streams_is_one_frame() -> None:
    spec = LoadModel(str(MODELS / "test_chat"), "CPU", "continuous_batching", {}, None, 2048, 1024, 128)
    instance = _Counting(spec)
    await instance.load()
    try:

        async def answer(number: int) -> int:
            tokens = 0
            sampling = GenerationParams(max_tokens=64, temperature=0, ignore_eos=True)
            with instance.generate([number + 1] * 8, sampling) as generation:
                async for output in generation:
                    tokens += len(output.tokens)
            return tokens

        tokens = sum(await asyncio.gather(*(answer(number) for number in range(8))))
    finally:
        await instance.stop()
    assert tokens == 8 * 64
    # They begin a step or two apart, and end so.
    assert instance.frames <= 2 * 64

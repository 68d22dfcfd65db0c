"""Asking an ASGI app that lives in this process, without a socket: requests and answers as plain values."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class InProcessRequest:
    """An HTTP request with its whole body. `client`: address and port of who asks."""

    method: str
    path: str
    query: bytes = b""
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    client: tuple[str, int] | None = None


@dataclass(frozen=True)
class StartedAnswer:
    """The head of an answer; its body follows in pieces."""

    status: int
    headers: Headers


Part = StartedAnswer | bytes


async def answer_of(app: ASGIApp, asked: InProcessRequest) -> AsyncGenerator[Part, None]:
    """What `app` answers, as it comes; pieces that are there already come as one. Closing the generator tells the app
    that its client is gone."""
    messages: asyncio.Queue[Message | None] = asyncio.Queue()
    answering = asyncio.ensure_future(app(_scope(asked), _receive_of(asked.body), messages.put))
    answering.add_done_callback(lambda _: messages.put_nowait(None))
    over = False
    try:
        while not over:
            batch = [await messages.get()]
            while not messages.empty():
                batch.append(messages.get_nowait())
            over = batch[-1] is None
            for message in batch:
                if message is not None and message["type"] == "http.response.start":
                    yield StartedAnswer(message["status"], list(message["headers"]))
            if body := b"".join(message.get("body", b"") for message in batch if message is not None):
                yield body
        await answering
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


def _scope(asked: InProcessRequest) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "root_path": "",
        "query_string": asked.query,
        "headers": asked.headers,
        "client": asked.client,
        "server": None,
    }


def _receive_of(body: bytes) -> Receive:
    bodies = [body]

    async def receive() -> Message:
        if not bodies:
            await asyncio.get_running_loop().create_future()  # that the client left comes as a cancellation
        return {"type": "http.request", "body": bodies.pop(), "more_body": False}

    return receive

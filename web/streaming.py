"""Streams over HTTP: the encodings, and a response that notices when its client leaves."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


def sse(payload: Any, *, event: str | None = None) -> bytes:
    """One server-sent event with a JSON payload."""
    prefix = f"event: {event}\n".encode() if event else b""
    return prefix + b"data: " + _encoder.encode(payload) + b"\n\n"


SSE_DONE = b"data: [DONE]\n\n"


def ndjson(payload: Any) -> bytes:
    """One line of newline-delimited JSON."""
    return _encoder.encode(payload) + b"\n"


class JSON(Response):
    """A JSON response of plain data."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return _encoder.encode(content)


class StreamResponse(Response):
    """Sends `chunks` as they come and closes them as soon as the client is gone.

    The framework's own response notices that only at its next send, which in a long prefill is too late. When
    nothing was sent for `heartbeat_seconds`, what `heartbeat` returns is.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        headers: dict[str, str] | None = None,
        heartbeat: Callable[[], bytes] | None = None,
        heartbeat_seconds: float = 15.0,
    ) -> None:
        super().__init__(media_type=media_type, headers={"Cache-Control": "no-store", **(headers or {})})
        del self.headers["content-length"]
        self._chunks = chunks
        self._heartbeat = heartbeat
        self._heartbeat_seconds = heartbeat_seconds
        self._sent = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(send))
        helpers = [asyncio.create_task(_until_disconnect(receive))]
        if self._heartbeat:
            helpers.append(asyncio.create_task(self._beat(send, self._heartbeat)))
        try:
            await asyncio.wait([sending, helpers[0]], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in [sending, *helpers]:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            with suppress(asyncio.CancelledError):
                await sending

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._chunks):
            async for chunk in self._chunks:
                self._sent += 1
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self, send: Send, heartbeat: Callable[[], bytes]) -> None:
        while True:
            before = self._sent
            await asyncio.sleep(self._heartbeat_seconds)
            if self._sent == before:
                await send({"type": "http.response.body", "body": heartbeat(), "more_body": True})


async def unless_disconnected(request: Request, work: Awaitable[T]) -> T | None:
    """The result of `work`, or None when the client left first; `work` is then cancelled."""
    working = asyncio.ensure_future(work)
    watching = asyncio.create_task(_until_disconnect(request.receive))
    try:
        await asyncio.wait([working, watching], return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""Streams over HTTP: the encodings, and a response that notices when its client leaves."""

import asyncio
import json
import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, Protocol, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from notices import as_text

CLIENT_LEFT = 499
"""The status of a request whose client left before its answer; only logs see it."""

T = TypeVar("T")

_encoder = msgspec.json.Encoder(enc_hook=as_text)
_OTHER_LINE_ENDS = re.compile(b"\xc2\x85|\xe2\x80[\xa8\xa9]")  # U+0085, U+2028, U+2029


def json_bytes(payload: Any) -> bytes:
    """UTF-8 JSON. Half of a character, as a file's name can hold it, becomes U+FFFD, and what is no number null."""
    try:
        return _encoder.encode(payload)
    except (UnicodeEncodeError, OverflowError):  # an integer of more than 64 bits is beyond the quick encoder
        return json.dumps(_mended(payload), ensure_ascii=False, separators=(",", ":")).encode()


def whole_characters(text: str) -> str:
    """With U+FFFD for each half of a character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _mended(value: Any) -> Any:
    match value:
        case str():
            return whole_characters(value)
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {_mended(key): _mended(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_mended(inner) for inner in value]
    return value


def sse(payload: Any, *, event: str | None = None) -> bytes:
    """One server-sent event with a JSON payload."""
    prefix = f"event: {event}\n".encode() if event else b""
    return prefix + b"data: " + json_bytes(payload) + b"\n\n"


SSE_DONE = b"data: [DONE]\n\n"


def ndjson(payload: Any) -> bytes:
    """One line of newline-delimited JSON. Ollama's Python client takes every line end of Unicode for one."""
    return _OTHER_LINE_ENDS.sub(_escaped, json_bytes(payload)) + b"\n"


def _escaped(match: re.Match[bytes]) -> bytes:
    return f"\\u{ord(match[0].decode()):04x}".encode()


class JSON(Response):
    """A JSON response of plain data."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json_bytes(content)


_SEND_BODY = "openvino_multi_model_server.send_body"


class DirectBodies:
    """ASGI middleware around a whole app: lets a `StreamResponse` send its chunks past all the others.

    They look at the beginning of a response only, but each would be called again for every token. Not for an app
    with a middleware that changes bodies.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_SEND_BODY] = send
        await self._app(scope, receive, send)


def body_send(scope: Scope, send: Send) -> Send:
    """With what the bytes of a body are sent: past the middlewares where `DirectBodies` stands around the app."""
    return scope.get(_SEND_BODY, send)


class Closeable(Protocol):
    """What holds something until it is closed."""

    def aclose(self) -> Awaitable[None]: ...


class StreamResponse(Response):
    """Sends `chunks` as they come and closes them as soon as the client is gone, and after them what they are made
    from: a client can leave before they have begun, and a generator that never ran closes nothing.

    The framework's own response notices that only at its next send, which in a long prefill is too late. When
    nothing was sent for `heartbeat_seconds`, what `heartbeat` returns is.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        source: Closeable | None = None,
        headers: dict[str, str] | None = None,
        heartbeat: Callable[[], bytes] | None = None,
        heartbeat_seconds: float = 15.0,
    ) -> None:
        super().__init__(media_type=media_type, headers={"Cache-Control": "no-store", **(headers or {})})
        del self.headers["content-length"]
        self._chunks = chunks
        self._source = source
        self._heartbeat = heartbeat
        self._heartbeat_seconds = heartbeat_seconds
        self._sent = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        send_body = body_send(scope, send)
        sending = asyncio.create_task(self._send_all(send, send_body))
        helpers = [asyncio.create_task(_until_disconnect(receive))]
        if self._heartbeat:
            helpers.append(asyncio.create_task(self._beat(send_body, self._heartbeat)))
        try:
            await asyncio.wait([sending, helpers[0]], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in [sending, *helpers]:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            try:
                with suppress(asyncio.CancelledError):
                    await sending
            finally:
                await self._chunks.aclose()
                if self._source is not None:
                    await self._source.aclose()

    async def _send_all(self, send: Send, send_body: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._chunks):
            async for chunk in self._chunks:
                self._sent += 1
                await send_body({"type": "http.response.body", "body": chunk, "more_body": True})
        await send_body({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self, send: Send, heartbeat: Callable[[], bytes]) -> None:
        while True:
            before = self._sent
            await asyncio.sleep(self._heartbeat_seconds)
            if self._sent == before:
                await send({"type": "http.response.body", "body": heartbeat(), "more_body": True})


async def unless_disconnected(request: Request, work: Awaitable[T]) -> T:
    """The result of `work`. Raises ClientDisconnect when the client left first; `work` is then cancelled."""
    working = asyncio.ensure_future(work)
    watching = asyncio.create_task(_until_disconnect(request.receive))
    try:
        await asyncio.wait([working, watching], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return await working
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def client_left(request: Request, error: Exception) -> Response:
    """Handles ClientDisconnect: nothing went wrong here, and the answer reaches no client."""
    return Response(status_code=CLIENT_LEFT)


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

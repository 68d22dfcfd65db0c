"""Request bodies with `Content-Encoding: gzip`."""

import asyncio
import zlib
from collections.abc import AsyncGenerator

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.guard import ErrorRenderer

_GZIP = frozenset({"gzip", "x-gzip"})
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_PIECE_BYTES = 65_536
_DROPPED = frozenset({b"content-encoding", b"content-length"})


class CompressedBodies:
    """ASGI middleware: the app reads what was compressed. Any other encoding is refused with 415, which names this one
    (RFC 9110, section 15.5.16).

    Nothing is unpacked before it is read, and then by the piece: to be put around `Limits`, which counts what comes out
    and stops at a body's limit.
    """

    def __init__(self, app: ASGIApp, *, refuse: ErrorRenderer) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        encoding = "" if scope["type"] != "http" else Headers(scope=scope).get("content-encoding", "").strip().lower()
        if encoding in ("", "identity"):
            await self._app(scope, receive, send)
        elif encoding in _GZIP:
            kept = [(name, value) for name, value in scope["headers"] if name not in _DROPPED]
            await self._app({**scope, "headers": kept}, _Unpacked(receive), send)
        else:
            sentence = f"Bodies with Content-Encoding '{encoding[:40]}' are not read here: send gzip, or none."
            refusal = self._refuse(scope, 415, sentence)
            refusal.headers["Accept-Encoding"] = "gzip"
            await refusal(scope, receive, send)


class _Unpacked:
    """What `receive` was, with the body unpacked."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._pieces: AsyncGenerator[bytes, None] | None = _unpacked(receive)

    async def __call__(self) -> Message:
        if self._pieces is None:
            return await self._receive()
        try:
            return {"type": "http.request", "body": await anext(self._pieces), "more_body": True}
        except StopAsyncIteration:
            self._pieces = None
            return {"type": "http.request", "body": b"", "more_body": False}
        except _Left:
            self._pieces = None
            return {"type": "http.disconnect"}


class _Left(Exception):
    """The client went away in the middle of its body."""


async def _unpacked(receive: Receive) -> AsyncGenerator[bytes, None]:
    """Raises an HTTPException on what is no gzip, or not all of it, and `_Left`."""
    member = zlib.decompressobj(_GZIP_WINDOW)
    more, begun = True, False
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Left
        packed, more = message.get("body", b""), message.get("more_body", False)
        begun = begun or bool(packed)
        while packed:
            if member.eof:  # a file of several members is one (RFC 1952, section 2.2)
                member = zlib.decompressobj(_GZIP_WINDOW)
            try:
                piece = member.decompress(packed, _PIECE_BYTES)
            except zlib.error as error:
                raise HTTPException(400, f"The request's body is not valid gzip: {error}.") from error
            if piece:
                yield piece
                await asyncio.sleep(0)
            packed = member.unconsumed_tail or member.unused_data
    if begun and not member.eof:
        raise HTTPException(400, "The request's body is not valid gzip: its end is missing.")

"""A streamed response: what it sends in silence, and what happens when its client leaves."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from starlette.types import Message, Scope

from apis.peeked_stream import peek
from web.streaming import StreamResponse

_SCOPE: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}


async def _stays() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def test_silence_is_filled_with_heartbeats() -> None:
    sent: list[bytes] = []
    heard_twice = asyncio.Event()

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"begin "
        await heard_twice.wait()
        yield b"end"

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))
        if sent.count(b"beat ") == 2:
            heard_twice.set()

    response = StreamResponse(chunks(), media_type="text/plain", heartbeat=lambda: b"beat ", heartbeat_seconds=0.001)
    await response(_SCOPE, _stays, send)
    assert b"".join(sent).startswith(b"begin beat beat ")
    assert sent[-2:] == [b"end", b""]


async def test_a_client_that_leaves_ends_the_work() -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def chunks() -> AsyncGenerator[bytes, None]:
        try:
            yield b"begin"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def send(message: Message) -> None:
        if message.get("body"):
            begun.set()

    async def leaves() -> Message:
        await begun.wait()
        return {"type": "http.disconnect"}

    await StreamResponse(chunks(), media_type="text/plain")(_SCOPE, leaves, send)
    assert closed.is_set()


@pytest.mark.parametrize("pieces", [0, 1])
async def test_a_client_that_leaves_before_the_work_is_touched_ends_it(pieces: int) -> None:
    """A request that is at a model already holds a place there."""
    closed, sent = asyncio.Event(), asyncio.Event()

    async def source() -> AsyncGenerator[bytes, None]:
        try:
            yield b"first"
            yield b"second"
        finally:
            closed.set()

    begun = source()
    await anext(begun)

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"head"
        async with aclosing(begun):
            async for piece in begun:
                yield piece

    async def send(message: Message) -> None:
        if message.get("body"):
            sent.set()
            await asyncio.Event().wait()

    async def leaves() -> Message:
        if pieces:
            await sent.wait()
        return {"type": "http.disconnect"}

    await StreamResponse(chunks(), media_type="text/plain", source=begun)(_SCOPE, leaves, send)
    assert closed.is_set()


async def test_work_that_began_in_the_moment_its_client_left_is_ended() -> None:
    closed = asyncio.Event()

    async def source() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            closed.set()

    items = source()
    beginning = asyncio.create_task(peek(items))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    assert closed.is_set()

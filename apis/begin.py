"""Starting a streamed answer: errors that come soon get a real status, later ones an event in the stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TypeVar

T = TypeVar("T")

_PATIENCE_SECONDS = 10.0


async def begin(items: AsyncGenerator[T, None], *, patience: float = _PATIENCE_SECONDS) -> AsyncGenerator[T, None]:
    """Wait up to `patience` seconds for the first item, then give back an iterator over all of them.

    An error within that time is raised here, before any byte of the response is out. A longer wait (a model that
    loads, a queue) goes on inside the iterator, so that the client gets its headers and heartbeats.
    """
    first = asyncio.ensure_future(anext(items, None))
    try:
        await asyncio.wait([first], timeout=patience)
    except asyncio.CancelledError:
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        raise
    if first.done():
        first.result()
    return _continue(first, items)


async def _continue(first: "asyncio.Future[T | None]", items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    try:
        async with aclosing(items):
            item = await first
            if item is None:
                return
            yield item
            async for item in items:
                yield item
    finally:
        first.cancel()

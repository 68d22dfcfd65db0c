"""Starting a streamed answer: errors that come soon get a real status, later ones an event in the stream."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")

_PATIENCE_SECONDS = 10.0


class PeekedStream(Generic[T]):
    """An iterator whose first item is already on its way. To be closed as a generator is."""

    def __init__(self, first: "asyncio.Future[T | None]", items: AsyncGenerator[T, None]) -> None:
        self._first: asyncio.Future[T | None] | None = first
        self._items = items

    def __aiter__(self) -> "PeekedStream[T]":
        return self

    def __anext__(self) -> Awaitable[T]:  # a generator around the other would be one more to wake at every token
        return self._items.__anext__() if self._first is None else self._begin(self._first)

    async def _begin(self, first: "asyncio.Future[T | None]") -> T:
        item = await first
        self._first = None
        if item is None:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """End what it iterates over."""
        if self._first is not None and not self._first.done():
            await _cancelled(self._first)
        await self._items.aclose()


async def peek(items: AsyncGenerator[T, None], *, patience: float = _PATIENCE_SECONDS) -> PeekedStream[T]:
    """Wait up to `patience` seconds for the first item, then give back an iterator over all of them.

    An error within that time is raised here, before any byte of the response is out. A longer wait (a model that
    loads, a queue) goes on inside the iterator, so that the client gets its headers and heartbeats.
    """
    first = asyncio.ensure_future(anext(items, None))
    try:
        await asyncio.wait([first], timeout=patience)
    except asyncio.CancelledError:
        await _cancelled(first)
        await items.aclose()  # it may have come to its first item already
        raise
    if first.done():
        first.result()
    return PeekedStream(first, items)


async def _cancelled(first: "asyncio.Future[T]") -> None:
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first

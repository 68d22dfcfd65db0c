"""Several answers in one stream."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from apis.merge import merge
from chat.deltas import Delta


class Stream:
    """Gives `items`, then raises `error`; remembers that it was closed."""

    def __init__(self, items: str, error: Exception | None = None) -> None:
        self._items = items
        self._error = error
        self.closed = False

    async def read(self) -> AsyncGenerator[Delta, None]:
        try:
            for item in self._items:
                yield Delta(item)
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


@pytest.mark.parametrize("contents", [["ab"], ["ab", "c"], ["", "a"], [""]])
async def test_every_item_comes_with_its_stream(contents: list[str]) -> None:
    found = [""] * len(contents)
    async for delta in merge([Stream(items).read() for items in contents]):
        found[delta.choice] += delta.text
    assert found == contents


@pytest.mark.parametrize("others", [0, 1])
async def test_an_error_ends_all(others: int) -> None:
    streams = [Stream("a", ValueError("lost")), *(Stream("bcd") for _ in range(others))]
    with pytest.raises(ValueError, match="lost"):
        async for _ in merge([stream.read() for stream in streams]):
            pass
    assert all(stream.closed for stream in streams)


@pytest.mark.parametrize("count", [1, 2])
async def test_leaving_early_closes_all(count: int) -> None:
    streams = [Stream("abc") for _ in range(count)]
    async with aclosing(merge([stream.read() for stream in streams])) as merged:
        assert await anext(merged) == Delta("a", choice=0)
    assert all(stream.closed for stream in streams)

"""The answers to one request as one stream."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from chat.deltas import Delta


def merge(streams: Sequence[AsyncGenerator[Delta, None]]) -> AsyncGenerator[Delta, None]:
    """What comes on any of `streams`, as it comes, with the stream's number as its `choice`. The first error ends
    them all."""
    return streams[0] if len(streams) == 1 else _merged(streams)


async def _merged(streams: Sequence[AsyncGenerator[Delta, None]]) -> AsyncGenerator[Delta, None]:
    items: asyncio.Queue[Delta | None] = asyncio.Queue()

    async def pump(choice: int, stream: AsyncGenerator[Delta, None]) -> None:
        try:
            async with aclosing(stream):
                async for delta in stream:
                    items.put_nowait(replace(delta, choice=choice))
        finally:
            items.put_nowait(None)

    tasks = [asyncio.create_task(pump(choice, stream)) for choice, stream in enumerate(streams)]
    try:
        running = len(tasks)
        while running:
            item = await items.get()
            if item is not None:
                yield item
                continue
            running -= 1
            for task in tasks:
                if task.done():
                    task.result()
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

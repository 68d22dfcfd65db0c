"""The feed that all open pages share."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from admin.live.feed import LiveFeed
from admin.live.views import Snapshot


@pytest.mark.parametrize("poked", [False, True])
async def test_a_feed_ends_whatever_it_is_doing(poked: bool) -> None:
    async def read() -> Snapshot:
        return cast(Snapshot, object())

    feed = LiveFeed(read, interval=3600)
    running = asyncio.create_task(feed.run())
    follower = feed.follow()
    await anext(follower)
    await asyncio.sleep(0)
    if poked:  # at the moment of the end: a reading is wanted and the waiting for it is cancelled at once
        feed.poke()
        running.cancel()
    await feed.close()
    running.cancel()
    _, pending = await asyncio.wait({running}, timeout=10)
    assert not pending
    with pytest.raises(StopAsyncIteration):
        await anext(follower)

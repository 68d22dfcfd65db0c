"""The end of a downloader process."""

import asyncio
from typing import cast

import pytest

from registry import process


class EndsJustNow:
    """A process that ends in the moment in which patience does."""

    stdin = None

    def __init__(self) -> None:
        self._asked = 0

    async def wait(self) -> int:
        self._asked += 1
        if self._asked == 1:
            await asyncio.Event().wait()
        return 0

    def kill(self) -> None:
        raise ProcessLookupError


async def test_a_process_that_has_just_ended_need_not_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_STOP_SECONDS", 0.01)
    await process._end(cast(asyncio.subprocess.Process, EndsJustNow()))

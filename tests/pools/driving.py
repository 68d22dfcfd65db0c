"""Requests to a manager on a clock that jumps, and what its instances answer."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from instances.protocol import GenerationParams, TokenOutput
from model_manager import ModelManager
from pools.statistics import Timings
from tests.pools.fakes import FakeInstance
from tests.pools.virtual_time import VirtualTimeLoop


def run(work: Coroutine[Any, Any, None]) -> None:
    loop = VirtualTimeLoop()
    try:
        loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(1))
        loop.close()


def clock() -> float:
    return asyncio.get_running_loop().time()


class Request:
    """A request under way."""

    def __init__(
        self,
        manager: ModelManager,
        model: str,
        prompt: list[int] | None = None,
        *,
        keep_alive: float | None = None,
        **sampling: Any,
    ) -> None:
        self.tokens: list[int] = []
        self.timings = Timings(clock())
        asked = GenerationParams(**{"max_tokens": 8, **sampling})
        self._outputs = manager.generate(model, prompt or [1, 2, 3], asked, self.timings, keep_alive=keep_alive)
        self.task = asyncio.create_task(self._collect())

    async def _collect(self) -> list[int]:
        async for output in self._outputs:
            self.tokens += output.tokens
        return self.tokens

    async def error(self) -> Exception:
        with pytest.raises(Exception) as caught:  # noqa: PT011  the caller looks at it
            await self.task
        return caught.value  # pyright: ignore[reportReturnType]


async def settle(seconds: float = 1.0) -> None:
    await asyncio.sleep(seconds)


async def answer(instance: FakeInstance, tokens: list[int] | None = None) -> None:
    """Finish the oldest request of an instance."""
    generation = instance.generations[0]
    generation.put(TokenOutput(generation.id, tokens or [7], finish="stop"))
    await settle(0.1)

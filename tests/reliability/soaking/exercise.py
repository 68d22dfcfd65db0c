"""Bringing batching instances to the most memory that they ever need, before it is judged whether they need ever more.

What one holds follows the largest batches, the lengths and the forms that it has seen. By itself the demo model's came
to rest after some 5,000 answers and 4,000 forms.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

import httpx

from tests.reliability.soaking import calls
from tests.reliability.soaking.dialects import DIALECTS
from tests.reliability.soaking.stage import MAX_CONCURRENT, QUESTIONS, RANDOM_ID
from tests.support.launch import DEMO_ID

_TOKENS = 256


async def exercise(http: httpx.AsyncClient, url: str, seconds: float) -> None:
    """Keep the batching models of the device at `url` as busy as they can be. Raises `CallFailed`."""

    async def answer(number: int) -> None:
        dialect, question = DIALECTS[number % len(DIALECTS)], QUESTIONS[number % len(QUESTIONS)]
        tokens, stream = (_TOKENS, 12)[number % 2], number % 3 > 0
        await calls.say(http, url, dialect, DEMO_ID, question, tokens=tokens, stream=stream)

    async def form(number: int) -> None:
        if number % 2:
            await calls.call_tool(http, url, DEMO_ID, stream=number % 4 == 1)
        else:
            await calls.fill_form(http, url, DEMO_ID)

    async def ramble(number: int) -> None:
        tokens = 32 + number % 168
        await calls.say(http, url, DIALECTS[0], RANDOM_ID, "go on", tokens=tokens, stream=True)

    for model in (DEMO_ID, RANDOM_ID):
        await _long_prompts(http, url, model)
    for call, share in ((answer, 0.35), (form, 0.4), (ramble, 0.25)):
        await _all_at_once(call, seconds * share)


async def _long_prompts(http: httpx.AsyncClient, url: str, model: str) -> None:
    """Without a common beginning, twice as many as a model works on at once."""
    bodies = [
        {"model": model, "prompt": [first, *range(200)] * 7, "max_tokens": 32, "ignore_eos": True}
        for first in range(200, 200 + 2 * MAX_CONCURRENT)
    ]
    await asyncio.gather(*(calls.request(http, "POST", f"{url}/v1/completions", json=body) for body in bodies))


async def _all_at_once(call: Callable[[int], Awaitable[None]], seconds: float) -> None:
    until = time.monotonic() + seconds
    numbers = itertools.count()

    async def one_after_another() -> None:
        while time.monotonic() < until:
            await call(next(numbers))

    await asyncio.gather(*(one_after_another() for _ in range(MAX_CONCURRENT)))

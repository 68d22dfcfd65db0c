"""Streams while a node dies: what becomes of those it was answering, and of all that come later."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.http_stream import BadAnswer
from tests.support.load import chat_request, get_answer
from tests.support.messages import Target

_CLEAR = "replica_lost"


@dataclass
class Streams:
    """`asked` and `ended` in seconds of one clock; `outcome` is `whole`, `told` (an error event or status that says
    what happened) or `broken`."""

    records: list[tuple[float, float, str]] = field(default_factory=list)

    def asked_after(self, moment: float) -> Counter[str]:
        return Counter(outcome for asked, _, outcome in self.records if asked > moment)

    def under_way_at(self, moment: float) -> Counter[str]:
        return Counter(outcome for asked, ended, outcome in self.records if asked <= moment < ended)

    def longest_after(self, moment: float) -> float:
        return max((ended - asked for asked, ended, _ in self.records if ended > moment), default=0.0)


async def stream_meanwhile(target: Target, clients: int, tokens: int, work: Callable[[], Awaitable[None]]) -> Streams:
    """`clients` ask one answer of `tokens` after the other while `work` goes on."""
    streams = Streams()
    over = asyncio.Event()
    asking = [asyncio.create_task(_ask(target, tokens, streams, over)) for _ in range(clients)]
    try:
        await work()
    finally:
        over.set()
        await asyncio.gather(*asking)
    return streams


async def _ask(target: Target, tokens: int, streams: Streams, over: asyncio.Event) -> None:
    while not over.is_set():
        asked = time.monotonic()
        outcome = await _outcome(target, tokens)
        streams.records.append((asked, time.monotonic(), outcome))


async def _outcome(target: Target, tokens: int) -> str:
    try:
        answer = (await get_answer(target, chat_request(target, "Hello", tokens))).answer()
    except (BadAnswer, OSError) as error:
        return "told" if _CLEAR in str(error) else f"broken: {error}"
    return "whole" if answer.tokens == tokens else "broken: short"

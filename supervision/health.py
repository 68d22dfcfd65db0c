"""Asks one server how it is, again and again."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import httpx
import msgspec

from supervision.launch import Timing

Answer = TypeVar("Answer")


class HealthWatch(Generic[Answer]):
    """`on_answer` gets each answer to the path that `question` gives, an `answer_type`, None for a missing one.
    `on_silence` is called once when there was no answer for too long. `healthy_since`: loop time of the first one.

    Silence counts only while this side asks: where the whole machine stood still, it was as silent itself.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        base_url: str,
        timing: Timing,
        *,
        question: Callable[[], str],
        answer_type: type[Answer],
        on_answer: Callable[[Answer | None], None],
        on_silence: Callable[[], None],
    ) -> None:
        self.healthy_since: float | None = None
        self._client = client
        self._base_url = base_url
        self._timing = timing
        self._question = question
        self._answer_type = answer_type
        self._on_answer = on_answer
        self._on_silence = on_silence

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        timing = self._timing
        silent, asked = 0.0, loop.time()
        while True:
            answer = await self._ask(self._question())
            now = loop.time()
            silent += min(now - asked, timing.poll + timing.poll_timeout)
            asked = now
            if answer is not None:
                silent = 0.0
                self.healthy_since = self.healthy_since or now
            self._on_answer(answer)
            running = self.healthy_since is not None
            if silent > (timing.silence_while_running if running else timing.silence_while_starting):
                self._on_silence()
                return
            await asyncio.sleep(timing.poll if running else timing.poll_while_starting)

    async def _ask(self, path: str) -> Answer | None:
        try:
            response = await self._client.get(self._base_url + path, timeout=self._timing.poll_timeout)
            return msgspec.json.decode(response.content, type=self._answer_type) if response.is_success else None
        except (httpx.HTTPError, msgspec.MsgspecError, ValueError, RecursionError):
            return None

"""Asks one device server for its health, again and again."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from devices.launch import Timing


class HealthWatch:
    """`on_answer` gets each answer to GET `url`, None for a missing one. `on_silence` is called once when there was
    none for too long. `healthy_since`: loop time of the first answer."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        timing: Timing,
        *,
        on_answer: Callable[[dict[str, Any] | None], None],
        on_silence: Callable[[], None],
    ) -> None:
        self.healthy_since: float | None = None
        self._client = client
        self._url = url
        self._timing = timing
        self._on_answer = on_answer
        self._on_silence = on_silence

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        last_answer = loop.time()
        while True:
            answer = await self._ask()
            now = loop.time()
            if answer is not None:
                last_answer = now
                self.healthy_since = self.healthy_since or now
            self._on_answer(answer)
            running = self.healthy_since is not None
            if now - last_answer > (
                self._timing.silence_while_running if running else self._timing.silence_while_starting
            ):
                self._on_silence()
                return
            await asyncio.sleep(self._timing.poll if running else self._timing.poll_while_starting)

    async def _ask(self) -> dict[str, Any] | None:
        try:
            response = await self._client.get(self._url, timeout=self._timing.poll_timeout)
            answer = response.json()
        except (httpx.HTTPError, ValueError):
            return None
        return answer if response.status_code == 200 and isinstance(answer, dict) else None

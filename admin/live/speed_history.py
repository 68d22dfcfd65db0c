"""How fast each device has generated over the last minutes, from the count of tokens in its health reports."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque

from admin.live.views import Speed
from supervision.suite import Suite

STEP_SECONDS = 1.0
KEPT_STEPS = 300


class TokenRateMeter:
    """Tokens per second between the readings of a counter that starts over at 0 with a new process."""

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None
        self._past: deque[float] = deque(maxlen=KEPT_STEPS)

    def add(self, now: float, counter: int) -> None:
        if self._last is not None and now > self._last[0]:
            then, before = self._last
            generated = counter - before if counter >= before else counter
            self._past.append(round(generated / (now - then), 1))
        self._last = (now, counter)

    def forget(self) -> None:
        """The counter's process has gone."""
        self._last = None

    @property
    def speed(self) -> Speed:
        return Speed(self._past[-1] if self._past and self._last else 0.0, tuple(self._past))


class SpeedHistory:
    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._meters: defaultdict[str, TokenRateMeter] = defaultdict(TokenRateMeter)

    def speed(self, device: str) -> Speed:
        return self._meters[device].speed

    async def run(self) -> None:
        """Read every second until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            self.read(clock())
            await asyncio.sleep(STEP_SECONDS)

    def read(self, now: float) -> None:
        for status in self._suite.statuses():
            health = self._suite.health(status.name)
            meter = self._meters[status.name]
            if health is not None:
                meter.add(now, health.generated_tokens)
            else:
                meter.forget()

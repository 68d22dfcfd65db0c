"""A limit on how fast bytes come."""

from __future__ import annotations

import time
from collections.abc import Callable

_BURST_SECONDS = 0.25


class Throttle:
    """Spends at most so many bytes per second; None: as many as come. `clock` and `sleep` are for tests."""

    def __init__(
        self,
        bytes_per_second: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._paid_until = clock()

    @property
    def piece(self) -> int | None:
        """Bytes to take at a time, so that a slow download moves on steadily; None: as they come."""
        return max(1024, int(self._rate * _BURST_SECONDS)) if self._rate else None

    def spend(self, count: int) -> None:
        """Wait until as many bytes could have come. What was not used lately is good for a quarter of a second."""
        if not self._rate:
            return
        now = self._clock()
        self._paid_until = max(self._paid_until, now - _BURST_SECONDS) + count / self._rate
        if self._paid_until > now:
            self._sleep(self._paid_until - now)

"""When memory runs short for reasons outside our books: other programs grow, an estimate was too low."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from memory.readings import MemoryReading

Advice = Literal["shrink", "hold", "grow"]

_CLEARANCE_BYTES = 500 * 10**6
_STALLED_PERCENT = 20.0
_STEP_SECONDS = 2.0
_CALM_SECONDS = 3.0


@dataclass
class PressureGauge:
    """Turns readings into advice: shrink while less than `reserve_bytes` are available, grow again only when clearly
    more have been there for some seconds. Each advice comes at most every two seconds, so that it can work."""

    reserve_bytes: int
    clock: Callable[[], float]
    _last_step: float = field(default=float("-inf"))
    _calm_since: float | None = None

    def advise(self, reading: MemoryReading, stalled_percent: float | None) -> Advice:
        """`stalled_percent` is the kernel's pressure figure (devices.memory.read_pressure), None without one."""
        now = self.clock()
        stalled = (stalled_percent or 0.0) > _STALLED_PERCENT and reading.available < 2 * self.reserve_bytes
        if reading.available < self.reserve_bytes or stalled:
            self._calm_since = None
            return self._at_most_every_step("shrink", now)
        if reading.available < self.reserve_bytes + min(self.reserve_bytes // 2, _CLEARANCE_BYTES):
            self._calm_since = None
            return "hold"
        if self._calm_since is None:
            self._calm_since = now
        calm = now - self._calm_since >= _CALM_SECONDS
        return self._at_most_every_step("grow", now) if calm else "hold"

    def _at_most_every_step(self, advice: Advice, now: float) -> Advice:
        if now - self._last_step < _STEP_SECONDS:
            return "hold"
        self._last_step = now
        return advice

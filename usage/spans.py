"""How far back the charts go, and how finely."""

from __future__ import annotations

from dataclasses import dataclass

KEPT_DAYS = 366
"""Of the totals by model and key."""


@dataclass(frozen=True)
class Span:
    """`seconds` of the past in buckets of `step` seconds."""

    name: str
    seconds: int
    step: int

    @property
    def kept(self) -> int:
        """Seconds after which a bucket is deleted: a little more than is shown."""
        return self.seconds + self.seconds // 8 + self.step

    def bucket(self, at: float) -> int:
        """The beginning of the bucket in which a moment lies, in seconds since the epoch."""
        return int(at) // self.step * self.step

    def times(self, now: float) -> list[int]:
        """The beginnings of all buckets up to now, oldest first."""
        last = self.bucket(now)
        return list(range(last - self.seconds + self.step, last + 1, self.step))


SPANS = {
    span.name: span
    for span in (
        Span("5m", 300, 5),
        Span("1h", 3600, 30),
        Span("24h", 24 * 3600, 300),
        Span("30d", 30 * 24 * 3600, 7200),
    )
}

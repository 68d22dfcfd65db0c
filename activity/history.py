"""What a device server has told of its requests, kept over its restarts."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

KEPT = 500


@dataclass(frozen=True)
class DeviceActivity:
    """One request. `outcome`: running, completed, failed, cancelled, or lost where the server ended before it did.
    `time` in seconds since the epoch; `ended` orders those that are over; prompt and answer where they are kept."""

    number: int
    time: float
    ended: int | None = None
    id: str = ""
    client: str = ""
    agent: str = ""
    path: str = ""
    model: str | None = None
    status: int = 0
    outcome: str = "running"
    error: str | None = None
    seconds: float = 0.0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None
    waited_seconds: float | None = None
    load_seconds: float = 0.0
    prompt: str | None = None
    answer: str | None = None


_FIELDS = frozenset(field.name for field in fields(DeviceActivity))


class RequestHistory:
    """The requests of one device that run, and the most recent of those that have ended, oldest first."""

    def __init__(self) -> None:
        self.running: tuple[DeviceActivity, ...] = ()
        self.cursor = 0
        self._ended: deque[DeviceActivity] = deque(maxlen=KEPT)

    def take(self, report: Mapping[str, Any]) -> None:
        """Add what the device server's `/activity` says since `cursor`."""
        for entry in report.get("ended", ()):
            self._append(_parse(entry))
        self.running = tuple(_parse(entry) for entry in report.get("running", ()))

    def lose_running(self) -> None:
        """The device server has ended: so have its requests."""
        lost, self.running = self.running, ()
        for entry in lost:
            self._append(replace(entry, ended=self.cursor + 1, outcome="lost"))

    def after(self, cursor: int) -> list[DeviceActivity]:
        """Those that have ended since."""
        return [entry for entry in self._ended if (entry.ended or 0) > cursor]

    def find(self, number: int) -> DeviceActivity | None:
        return next((entry for entry in (*self.running, *self._ended) if entry.number == number), None)

    def _append(self, entry: DeviceActivity) -> None:
        self._ended.append(entry)
        self.cursor = max(self.cursor, entry.ended or 0)


def _parse(entry: Mapping[str, Any]) -> DeviceActivity:
    return DeviceActivity(**{name: value for name, value in entry.items() if name in _FIELDS})

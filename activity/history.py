"""What a device server has told of its requests, kept over its restarts."""

from collections import deque

from msgspec.structs import replace

from reports.requests import ActivityReport, Request

KEPT = 500


class RequestHistory:
    """The requests of one device that run, and the most recent of those that have ended, oldest first."""

    def __init__(self) -> None:
        self.running: tuple[Request, ...] = ()
        self.cursor = 0
        self._ended: deque[Request] = deque(maxlen=KEPT)

    def take(self, report: ActivityReport) -> None:
        """Add what the device server's `/activity` says since `cursor`."""
        for entry in report.ended:
            self._append(entry)
        self.running = tuple(report.running)

    def lose_running(self) -> None:
        """The device server has ended: so have its requests."""
        lost, self.running = self.running, ()
        for entry in lost:
            self._append(replace(entry, ended=self.cursor + 1, outcome="lost"))

    def after(self, cursor: int) -> list[Request]:
        """Those that have ended since."""
        return [entry for entry in self._ended if (entry.ended or 0) > cursor]

    def find(self, number: int) -> Request | None:
        return next((entry for entry in (*self.running, *self._ended) if entry.number == number), None)

    def _append(self, entry: Request) -> None:
        self._ended.append(entry)
        self.cursor = max(self.cursor, entry.ended or 0)

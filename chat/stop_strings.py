"""Cutting an answer at the first stop string."""

from collections.abc import Sequence


def held_back(text: str, marks: Sequence[str]) -> int:
    """How many characters at the end of `text` may be the beginning of one of `marks`."""
    longest = min(len(text), max(map(len, marks), default=1) - 1)
    if not any(mark[:1] in text[-longest:] for mark in marks):
        return 0
    return next((n for n in range(longest, 0, -1) if any(mark.startswith(text[-n:]) for mark in marks)), 0)


def next_mark(text: str, marks: Sequence[str], *, last: bool) -> tuple[int, str]:
    """How much of `text` comes before the first of `marks`, and that mark, the longest of those that begin there.

    The mark is empty where none is there, or where more text may yet make it another one, and what may belong to it is
    not counted then. `last`: no more text will come.
    """
    found = [(at, -len(mark), mark) for mark in marks if (at := text.find(mark)) >= 0]
    if not found:
        return len(text) - (0 if last else held_back(text, marks)), ""
    at, _, mark = min(found)
    rest = text[at:]
    if not last and any(len(other) > len(rest) and other.startswith(rest) for other in marks):
        return at, ""
    return at, mark


class StopStrings:
    """Passes text on until a stop string begins; holds back only what may still become one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._pending = ""
        self.matched: str | None = None

    def push(self, text: str) -> str:
        """The part of `text` (with what was held back before) that is safe to show. Empty after a match."""
        if self.matched is not None:
            return ""
        if not self._stops:
            return text
        text = self._pending + text
        found = [(at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            at, self.matched = min(found)
            self._pending = ""
            return text[:at]
        keep = held_back(text, self._stops)
        self._pending = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """What was held back, since no stop string came of it."""
        pending, self._pending = self._pending, ""
        return pending

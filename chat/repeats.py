"""Ending an answer that makes the same call again, as weak models do until their tokens are spent."""

from collections.abc import Iterable, Iterator

from chat.deltas import Delta


class Repeats:
    """Passes an answer's deltas on. From a second call of one function it holds the parts back while they are equal to
    an earlier call's; once the whole call is, it is left out, as is everything after it. `found` tells so."""

    def __init__(self) -> None:
        self.found = False
        self._earlier: list[tuple[str, str]] = []
        self._name = ""
        self._arguments = ""
        self._index = -1
        self._held: list[Delta] = []

    def push(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        for delta in deltas:
            if self.found:
                return
            if delta.call_part is None and delta.tool_call is None:
                yield delta
                continue
            self._note(delta)
            self._held.append(delta)
            likely = any(
                name == self._name and arguments.startswith(self._arguments) for name, arguments in self._earlier
            )
            if (self._name, self._arguments) in self._earlier:
                self.found = True
            elif not likely:
                yield from self._held
                self._held = []

    def _note(self, delta: Delta) -> None:
        part = delta.call_part
        if part is None:
            return
        if part.index != self._index:
            if self._index >= 0:
                self._earlier.append((self._name, self._arguments))
            self._index, self._name, self._arguments = part.index, part.name or "", ""
        self._arguments += part.arguments

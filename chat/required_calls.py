"""An answer of which calls were demanded: nothing but thoughts and calls, and none of them for ever."""

from collections import Counter
from collections.abc import Iterable, Iterator

from chat.deltas import Delta

_MOST = 2


class RequiredCalls:
    """Passes an answer's deltas on, but no text: where only calls may come, that is a mark which was cut.

    A call may be meant twice (two dice, say), but weak models repeat one until their tokens are spent: the third time
    ends the answer. Parts that are equal to those of a call that has come twice are held back; once the whole call is,
    it is left out, as is everything after it. `ended` tells so.
    """

    def __init__(self) -> None:
        self.ended = False
        self._earlier: Counter[tuple[str, str]] = Counter()
        self._name = ""
        self._arguments = ""
        self._index = -1
        self._held: list[Delta] = []

    def push(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        for delta in deltas:
            if self.ended:
                return
            if delta.call_part is None and delta.tool_call is None:
                if not delta.text:
                    yield delta
                continue
            self._note(delta)
            self._held.append(delta)
            likely = any(
                times >= _MOST and name == self._name and arguments.startswith(self._arguments)
                for (name, arguments), times in self._earlier.items()
            )
            if self._earlier[self._name, self._arguments] >= _MOST:
                self.ended = True
            elif not likely:
                yield from self._held
                self._held = []

    def _note(self, delta: Delta) -> None:
        part = delta.call_part
        if part is None:
            return
        if part.index != self._index:
            if self._index >= 0:
                self._earlier[self._name, self._arguments] += 1
            self._index, self._name, self._arguments = part.index, part.name or "", ""
        self._arguments += part.arguments

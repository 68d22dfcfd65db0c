"""An answer of which calls were demanded: nothing but thoughts and calls, and none of them twice."""

from collections.abc import Iterable, Iterator

from chat.deltas import Delta


class DemandedCalls:
    """Passes an answer's deltas on, but no text: where only calls may come, that is a mark which was cut.

    A call that has been made already ends the answer, as weak models make it until their tokens are spent. From a
    second call of one function the parts are held back while they are equal to an earlier call's; once the whole call
    is, it is left out, as is everything after it. `ended` tells so.
    """

    def __init__(self) -> None:
        self.ended = False
        self._earlier: list[tuple[str, str]] = []
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
                name == self._name and arguments.startswith(self._arguments) for name, arguments in self._earlier
            )
            if (self._name, self._arguments) in self._earlier:
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
                self._earlier.append((self._name, self._arguments))
            self._index, self._name, self._arguments = part.index, part.name or "", ""
        self._arguments += part.arguments

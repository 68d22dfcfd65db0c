"""An answer's tool calls, put together from their parts."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chat.deltas import Delta
from chat.tool_formats.json_text import complete_members


@dataclass
class CollectedCall:
    """`arguments` is JSON text, without its end where the answer was cut within the call (then `whole` is False)."""

    index: int
    id: str
    name: str
    arguments: str
    whole: bool = False

    def members(self) -> dict[str, Any]:
        """The arguments as an object; of a call that was cut those whose values are complete."""
        return json.loads(self.arguments) if self.whole else complete_members(self.arguments)


class CollectedCalls:
    """The calls so far, by their order in the answer."""

    def __init__(self, deltas: Iterable[Delta] = ()) -> None:
        self._calls: dict[int, CollectedCall] = {}
        for delta in deltas:
            self.push(delta)

    def push(self, delta: Delta) -> None:
        part = delta.call_part
        if part is not None and part.id is not None:
            self._calls[part.index] = CollectedCall(part.index, part.id, part.name or "", part.arguments)
        elif part is not None and part.index in self._calls:
            self._calls[part.index].arguments += part.arguments
        if delta.tool_call is not None:
            for call in self.all:
                if call.id == delta.tool_call.id:
                    call.arguments, call.whole = delta.tool_call.arguments, True

    @property
    def all(self) -> list[CollectedCall]:
        return list(self._calls.values())

    @property
    def cut(self) -> list[CollectedCall]:
        """Those without an end."""
        return [call for call in self.all if not call.whole]

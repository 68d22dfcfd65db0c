"""The arguments of calls passed on while they are being written."""

import re
import secrets
from collections.abc import Iterator

from chat.deltas import CallPart
from chat.dialects.json_text import HEAD, JsonEnd

_HEADS = (
    HEAD,
    re.compile(r"(?:^|\[TOOL_CALLS\])\s*(?P<name>[\w.-]+)\[ARGS\](?=\{)"),
    re.compile(r"<｜tool▁sep｜>(?P<name>[^\n<]+)\n```json\n(?=\{)"),
    re.compile(r"<｜tool▁call▁begin｜>(?!function<)(?P<name>[^<]+)<｜tool▁sep｜>(?=\{)"),
)


class CallStream:
    """Follows the text of one block. Each call's first part has its id and name, the others more of the arguments.

    It takes what follows a call's head for JSON: where that is not certain, read the whole block instead.
    """

    def __init__(self, first_index: int) -> None:
        self.calls: list[CallPart] = []
        self._first_index = first_index
        self._pending = ""
        self._end: JsonEnd | None = None

    def push(self, text: str) -> Iterator[CallPart]:
        self._pending += text
        while self._pending:
            if self._end is None:
                if not (yield from self._begin()):
                    return
                continue
            index = self._first_index + len(self.calls) - 1
            length = self._end.find(self._pending)
            fragment = self._pending[:length]
            self._pending = self._pending[len(fragment) :]
            yield CallPart(index, fragment)
            if length is not None:
                self._end = None

    def _begin(self) -> Iterator[CallPart]:
        found = [match for head in _HEADS if (match := head.search(self._pending))]
        if not found:
            return False
        match = min(found, key=lambda match: match.start())
        part = CallPart(self._first_index + len(self.calls), "", f"call_{secrets.token_hex(4)}", match["name"])
        self.calls.append(part)
        self._pending = self._pending[match.end() :]
        self._end = JsonEnd()
        yield part
        return True

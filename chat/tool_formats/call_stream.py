"""The arguments of calls passed on while they are being written."""

import json
import re
import secrets
from collections.abc import Iterator

from chat.conversation import ToolCall
from chat.deltas import CallPart
from chat.tool_formats.json_text import JsonEnd, named_call
from chat.tool_formats.tool_call_format import ParsedCall, ParsedCalls


class CallStream:
    """Follows the text of one block. Each call's first part has its id and name, the others more of the arguments; the
    whole call comes when it is complete.

    `head` finds where a call begins, up to its arguments. It takes what follows for JSON: where that is not certain,
    read the whole block instead.
    """

    def __init__(self, first_index: int, head: re.Pattern[str]) -> None:
        self.begun: list[CallPart] = []
        self.arguments = ""
        self._head = head
        self._first_index = first_index
        self._pending = ""
        self._end: JsonEnd | None = None

    @property
    def between_calls(self) -> bool:
        """Whether the last call is complete."""
        return self._end is None

    def push(self, text: str) -> Iterator[CallPart | ToolCall]:
        self._pending += text
        while self._pending:
            if self._end is None:
                if not (yield from self._begin()):
                    return
                continue
            index = self._first_index + len(self.begun) - 1
            length = self._end.find(self._pending)
            fragment = self._pending[:length]
            self._pending = self._pending[len(fragment) :]
            self.arguments += fragment
            yield CallPart(index, fragment)
            if length is not None:
                self._end = None
                yield from self._whole(self.begun[-1])

    def _begin(self) -> Iterator[CallPart | ToolCall]:
        match = self._head.search(self._pending)
        if not match:
            return False
        name = called_name(match)
        part = CallPart(self._first_index + len(self.begun), "", f"call_{secrets.token_hex(4)}", name)
        self.begun.append(part)
        self._pending = self._pending[match.end() :]
        self._end = JsonEnd()
        self.arguments = ""
        yield part
        return True

    def _whole(self, begun: CallPart) -> Iterator[ToolCall]:
        call = named_call(begun.name or "", self.arguments)
        if call is not None:
            yield ToolCall(begun.id or "", call.name, call.arguments)


def called_name(head: re.Match[str]) -> str:
    """The name in a call's head, where it may be JSON text or stand in the group `bare`."""
    name = head.groupdict().get("name") or head.groupdict().get("bare") or ""
    if "\\" in name:
        try:
            return json.loads(f'"{name}"', strict=False)
        except ValueError:
            return name
    return name.strip()


def read_cut_json(text: str, head: re.Pattern[str] | None) -> ParsedCalls | None:
    """The calls of a text that stops in the middle of one."""
    if head is None:
        return None
    stream = CallStream(0, head)
    calls = [ParsedCall(each.name, each.arguments) for each in stream.push(text) if isinstance(each, ToolCall)]
    if stream.between_calls:
        return ParsedCalls(tuple(calls)) if calls else None
    return ParsedCalls(tuple(calls), cut=ParsedCall(stream.begun[-1].name or "", stream.arguments))

"""The answers of gpt-oss: messages with a header that names their channel and, for a call, their recipient."""

import re
from collections.abc import Iterator

from chat.conversation import ToolCall
from chat.deltas import CallPart, Delta
from chat.dialects.json_text import named_call
from chat.sections import new_call_id
from chat.stop_strings import held_back

_HEADER_MARKS = ("<|start|>", "<|channel|>", "<|constrain|>")
_END_MARKS = ("<|end|>", "<|call|>", "<|return|>")
_RECIPIENT = re.compile(r"to=(?:functions\.)?([\w.-]+)")


class HarmonyParser:
    """An `AnswerParser`: the analysis channel is reasoning, a message to a function is a call, all else is text.

    `eager` as in `SectionParser`.
    """

    def __init__(self, *, eager: bool = False) -> None:
        self._eager = eager
        self._pending = ""
        self._header: str | None = None
        self._channel = "final"
        self._function: str | None = None
        self._arguments = ""
        self._id = ""
        self._count = 0

    def push(self, text: str) -> Iterator[Delta]:
        self._pending += text
        while self._pending:
            marks = ("<|message|>",) if self._header is not None else (*_HEADER_MARKS, *_END_MARKS)
            found = [(at, mark) for mark in marks if (at := self._pending.find(mark)) >= 0]
            if not found:
                yield from self._take(len(self._pending) - held_back(self._pending, marks))
                return
            at, mark = min(found)
            yield from self._take(at)
            self._pending = self._pending[len(mark) :]
            yield from self._at_mark(mark)

    def finish(self) -> Iterator[Delta]:
        yield from self._take(len(self._pending))
        yield from self._end_message()

    def _take(self, count: int) -> Iterator[Delta]:
        piece, self._pending = self._pending[:count], self._pending[count:]
        if self._header is not None:
            self._header += piece
        elif not piece:
            return
        elif self._function is not None:
            self._arguments += piece
            if self._eager:
                yield Delta(call_part=CallPart(self._count, piece))
        else:
            yield Delta(reasoning=piece) if self._channel == "analysis" else Delta(text=piece)

    def _at_mark(self, mark: str) -> Iterator[Delta]:
        if mark == "<|message|>":
            yield from self._begin_message(self._header or "")
        elif mark in _HEADER_MARKS:
            yield from self._end_message()
            self._header = mark
        else:
            yield from self._end_message()

    def _begin_message(self, header: str) -> Iterator[Delta]:
        channel = re.search(r"<\|channel\|>\s*(\w+)", header)
        recipient = _RECIPIENT.search(header)
        self._header = None
        self._channel = channel[1] if channel else "final"
        if recipient:
            self._function, self._arguments, self._id = recipient[1], "", new_call_id()
            if self._eager:
                yield Delta(call_part=CallPart(self._count, "", self._id, self._function))

    def _end_message(self) -> Iterator[Delta]:
        function, self._function = self._function, None
        self._channel = "final"
        if function is None:
            return
        call = named_call(function, self._arguments)
        if call is None:
            if not self._eager:
                yield Delta(text=self._arguments)
            return
        part = None if self._eager else CallPart(self._count, call.arguments, self._id, call.name)
        self._count += 1
        yield Delta(tool_call=ToolCall(self._id, call.name, call.arguments), call_part=part)

"""The answers of gpt-oss: messages with a header that names their channel and, for a call, their recipient."""

import re
from collections.abc import Iterator

from chat.conversation import ToolCall
from chat.deltas import CallPart, Delta
from chat.sections import new_call_id
from chat.stop_strings import next_mark
from chat.tool_formats.json_text import named_call
from chat.tool_formats.tool_call_format import Tools

_HEADER_MARKS = ("<|start|>", "<|channel|>", "<|constrain|>")
_END_MARKS = ("<|end|>", "<|call|>", "<|return|>")
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)")
_RECIPIENT = re.compile(r"to=(.*?)\s*(?:<\||\Z)", re.DOTALL)
# An answer begins within a header, of which the prompt has written the role. It may say at once whom it is for.
_HEADER_BEGINS = re.compile(r"\s*(?:t|to|to=[^<\n]{0,200})?")
_NO_TOOLS = ("assistant", "user", "all")


class HarmonyParser:
    """An `AnswerParser`: the analysis channel is reasoning, a message to a function is a call, all else is text.

    What is said to recipients that are neither functions nor readers (the model's own tools) is left out; with `tools`
    only those count as functions. `eager` and `begun` as in `SectionParser`; a call that is not is never text either.
    """

    def __init__(self, *, tools: Tools | None = None, eager: bool = False, begun: bool = False) -> None:
        self._tools = tools
        self._eager = eager
        self._pending = ""
        self._begun = begun
        self._header: str | None = None
        self._channel = "final"
        self._function: str | None = None
        self._unseen = False
        self._arguments = ""
        self._id = ""
        self._count = 0

    def push(self, text: str) -> Iterator[Delta]:
        self._pending += text
        yield from self._sort(last=False)

    def finish(self) -> Iterator[Delta]:
        yield from self._sort(last=True)
        if self._function is not None and not self._arguments.strip():
            self._arguments = "{"  # cut before it has begun
        yield from self._end_message()

    def _sort(self, *, last: bool) -> Iterator[Delta]:
        while self._pending:
            marks = ("<|message|>",) if self._header is not None or not self._begun else ()
            if self._header is None:
                marks += (*_HEADER_MARKS, *_END_MARKS)
            safe, mark = next_mark(self._pending, marks, last=last)
            if not self._begun:
                self._begun = True
                if not _HEADER_BEGINS.fullmatch(self._pending, 0, safe):
                    continue  # it is no header, so that fewer marks count
                if not mark and not (last and not self._pending.lstrip().startswith("to=")):
                    self._begun = False
                    return  # it may yet become a header
                if mark in ("<|channel|>", "<|constrain|>", "<|message|>"):
                    self._header, self._pending = self._pending[:safe], self._pending[safe:]
                    safe = 0
            yield from self._take(safe)
            if not mark:
                return
            if self._header is not None and mark != "<|message|>":
                self._header += mark
                self._pending = self._pending[len(mark) :]
                continue
            self._pending = self._pending[len(mark) :]
            yield from self._at_mark(mark)

    def _take(self, count: int) -> Iterator[Delta]:
        piece, self._pending = self._pending[:count], self._pending[count:]
        if self._header is not None:
            self._header += piece
        elif not piece or self._unseen:
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
            return
        yield from self._end_message()
        if mark in _HEADER_MARKS:
            self._header = mark

    def _begin_message(self, header: str) -> Iterator[Delta]:
        channels = _CHANNEL.findall(header)
        self._header = None
        self._channel = channels[-1] if channels else "final"
        recipient = self._recipient(header)
        if recipient is None:
            return
        self._unseen = recipient == ""
        if recipient:
            self._function, self._arguments, self._id = recipient, "", new_call_id()
            if self._eager:
                yield Delta(call_part=CallPart(self._count, "", self._id, self._function))

    def _recipient(self, header: str) -> str | None:
        """The function that a message is for, None where it is for the reader, empty where for neither."""
        found = _RECIPIENT.search(header)
        if not found:
            return None
        named = found[1].strip()
        first = named.split()[0] if named else ""  # what follows is the content's type
        for name in (named, first):
            function = name.removeprefix("functions.")
            if self._tools is not None and function in self._tools:
                return function
        if first in _NO_TOOLS or not first:
            return None
        return first.removeprefix("functions.") if self._tools is None or first.startswith("functions.") else ""

    def _end_message(self) -> Iterator[Delta]:
        function, self._function = self._function, None
        self._channel, self._unseen = "final", False
        if function is None:
            return
        call = named_call(function, self._arguments)
        arguments = call.arguments if call else self._arguments
        part = None if self._eager else CallPart(self._count, arguments, self._id, function)
        self._count += 1
        if call is not None:
            yield Delta(tool_call=ToolCall(self._id, call.name, call.arguments), call_part=part)
        elif part is not None:
            yield Delta(call_part=part)

"""Sorting an answer's text into plain text, reasoning and tool calls by the marks around them."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from chat.conversation import ToolCall
from chat.deltas import CallPart, Delta
from chat.stop_strings import next_mark
from chat.tool_formats.call_stream import CallStream, read_cut_json
from chat.tool_formats.tool_call_format import CallBlock, ParsedCall, ParsedCalls, ToolCallFormat, Tools

Mode = Literal["text", "reasoning", "call"]


class AnswerParser(Protocol):
    """Takes the text of an answer in pieces of any size. How it is cut makes no difference to what comes out."""

    def push(self, text: str) -> Iterator[Delta]:
        """What is now certain."""
        ...

    def finish(self) -> Iterator[Delta]:
        """The rest, after the last piece."""
        ...


@dataclass(frozen=True)
class Tag:
    """A pair of marks around reasoning."""

    open: str
    close: str


class SectionParser:
    """Finds sections by a reasoning tag and the blocks of a dialect.

    White space between a section and the text after it is left out, and so are the dialect's silent marks. A block
    that is no call is the text it was. At the end of the answer an unclosed block counts as closed, if it is a whole
    call then, and otherwise as a call that was cut, if that much can be seen. Calls within reasoning count only when
    the reasoning is never closed. `opened`: the prompt has already opened the reasoning. `begun`: it holds the
    beginning of the answer itself. `eager`: a grammar keeps the
    calls valid, so that arguments are passed on as they come, and nothing of a call is ever text.
    """

    def __init__(
        self,
        *,
        reasoning: Tag | None = None,
        opened: bool = False,
        call_format: ToolCallFormat | None = None,
        tools: Tools | None = None,
        eager: bool = False,
        begun: bool = False,
    ) -> None:
        self._reasoning = reasoning and Tag(reasoning.open.strip(), reasoning.close)
        self._call_format = call_format
        self._tools = tools or {}
        blocks = call_format.blocks(self._tools) if call_format and self._tools else ()
        self._blocks = {block.open: block for block in blocks}
        self._silent = call_format.silent(self._tools) if call_format else ()
        opening = [self._reasoning.open] if self._reasoning else []
        self._firsts = {mark[0] for mark in (*self._blocks, *self._silent, *opening) if mark}
        self._bound = eager and bool(blocks)
        self._mode: Mode = "reasoning" if opened else "text"
        self._trim: set[Mode] = {"reasoning"} if opened else {"text"} if self._blocks or self._silent else set()
        self._pending = call_format.opening if call_format and not (opened or begun) else ""
        self._block = CallBlock("")
        self._content = ""
        self._in_reasoning = False
        self._stream: CallStream | None = None
        self._held: list[ParsedCall] = []
        self._held_source = ""
        self._after_held = ""
        self._count = 0
        self._fresh = not begun  # nothing has come, so that a tag which closes closes what the prompt has opened

    def push(self, text: str) -> Iterator[Delta]:
        if self._is_plain(text):
            if text:
                yield Delta(text=text)
            return
        self._pending += text
        yield from self._sort(last=False)

    def _sort(self, *, last: bool) -> Iterator[Delta]:
        while self._pending:
            safe, mark = next_mark(self._pending, self._marks(), last=last)
            yield from self._take(safe)
            if not mark:
                return
            self._pending = self._pending[len(mark) :]
            yield from self._at_mark(mark)

    def _is_plain(self, text: str) -> bool:
        """Whether nothing in `text` could begin a mark, and nothing is held or trimmed, as with most tokens."""
        if self._pending or self._mode != "text" or self._held_source or self._trim or self._fresh:
            return False
        return self._firsts.isdisjoint(text)

    def finish(self) -> Iterator[Delta]:
        yield from self._sort(last=True)
        if self._mode == "call":
            yield from self._end_block("")
        yield from (delta for call in self._held for delta in self._whole(call))
        if self._after_held.strip():
            yield Delta(reasoning=self._after_held)

    def _marks(self) -> list[str]:
        reasoning = self._reasoning
        match self._mode:
            case "text":
                tags = [reasoning.open, *([reasoning.close] if self._fresh else [])] if reasoning else []
                return [*tags, *self._blocks, *self._silent]
            case "reasoning":
                return [*([reasoning.close] if reasoning else []), *self._blocks, *self._silent]
            case "call":
                closes = [self._block.close] if self._block.close else []
                return [*closes, *([reasoning.close] if reasoning and self._in_reasoning else [])]

    def _take(self, count: int) -> Iterator[Delta]:
        piece, self._pending = self._pending[:count], self._pending[count:]
        if not piece:
            return
        if self._mode == "call":
            self._content += piece
            if self._stream is not None:
                for each in self._stream.push(piece):
                    whole = isinstance(each, ToolCall)
                    self._count += whole
                    yield Delta(tool_call=each) if whole else Delta(call_part=each)
        elif self._held_source:
            self._held_source += piece
            self._after_held += piece
        else:
            yield from self._plain(piece)

    def _plain(self, piece: str, mode: Mode | None = None) -> Iterator[Delta]:
        mode = mode or self._mode
        if mode in self._trim:
            piece = piece.lstrip()
            if piece:
                self._trim.discard(mode)
        if piece:
            self._fresh = False
            yield Delta(reasoning=piece) if mode == "reasoning" else Delta(text=piece)

    def _at_mark(self, mark: str) -> Iterator[Delta]:
        reasoning = self._reasoning
        if reasoning and mark == reasoning.open and self._mode == "text":
            self._mode = "reasoning"
            self._trim.add("reasoning")
        elif reasoning and mark == reasoning.close and self._mode != "text":
            yield from self._end_reasoning()
        elif reasoning and mark == reasoning.close and mark not in self._silent:
            yield from () if self._fresh else self._plain(mark)
        elif self._mode == "call":
            if self._call_format and self._call_format.inside(self._content + (mark if self._block.keep else "")):
                yield from self._restore(mark)  # the mark is quoted in an argument
            else:
                yield from self._end_block(mark)
        elif mark in self._blocks:
            yield from self._begin_block(self._blocks[mark])
        elif self._held_source:
            self._held_source += mark

    def _begin_block(self, block: CallBlock) -> Iterator[Delta]:
        self._in_reasoning = self._mode == "reasoning"
        self._mode, self._block, self._content = "call", block, ""
        head = self._call_format.head if self._call_format else None
        self._stream = CallStream(self._count, head) if head and self._bound and not self._in_reasoning else None
        if block.keep:
            yield from self._restore(block.open)

    def _restore(self, mark: str) -> Iterator[Delta]:
        pending, self._pending = self._pending, mark
        yield from self._take(len(mark))
        self._pending = pending

    def _end_block(self, close: str) -> Iterator[Delta]:
        content = self._content + (close if self._block.keep else "")
        reading = self._read(content, closed=bool(close))
        source = f"{'' if self._block.keep else self._block.open}{self._content}{close}"
        streamed = len(self._stream.begun) if self._stream else 0
        self._stream, self._content = None, ""
        self._mode = "reasoning" if self._in_reasoning else "text"
        if self._in_reasoning:
            yield from self._hold(reading if reading and not reading.cut else None, source)
        elif reading is not None:
            yield from self._calls(reading, streamed)
        elif not streamed and not (self._bound and not close):
            yield from self._plain(source)

    def _read(self, content: str, *, closed: bool) -> ParsedCalls | None:
        """`closed`: a mark has ended the block."""
        call_format = self._call_format
        if call_format is None:
            return None
        if call_format.read_cut is not None and self._bound and not closed:
            return call_format.read_cut(content, self._tools)
        reading = call_format.read(content, self._tools)
        if reading is not None or closed or self._stream is not None:
            return reading
        cut = (
            call_format.read_cut(content, self._tools)
            if call_format.read_cut
            else read_cut_json(content, call_format.head)
        )
        calls = [*cut.calls, *([cut.cut] if cut.cut else [])] if cut else []
        return cut if calls and all(call.name in self._tools for call in calls) else None

    def _hold(self, reading: ParsedCalls | None, source: str) -> Iterator[Delta]:
        if reading is None and not self._held_source:
            yield from self._plain(source)
            return
        self._held_source += source
        self._after_held = "" if reading else self._after_held + source
        self._held += reading.calls if reading else ()

    def _end_reasoning(self) -> Iterator[Delta]:
        """What looked like calls in it was only thought about."""
        source = self._held_source
        if self._mode == "call":
            source += f"{'' if self._block.keep else self._block.open}{self._content}"
        self._held, self._held_source, self._after_held, self._content = [], "", "", ""
        if source:
            yield from self._plain(source, "reasoning")
        self._mode = "text"
        self._trim.add("text")

    def _calls(self, reading: ParsedCalls, streamed: int) -> Iterator[Delta]:
        """`streamed`: so many of the calls have been passed on already."""
        yield from (delta for call in reading.calls[streamed:] for delta in self._whole(call))
        if reading.cut is not None:
            yield Delta(call_part=CallPart(self._count, reading.cut.arguments, new_call_id(), reading.cut.name))
            self._count += 1
        self._trim.add("text")
        if reading.rest:
            yield from self._plain(reading.rest)

    def _whole(self, call: ParsedCall) -> Iterator[Delta]:
        made = ToolCall(new_call_id(), call.name, call.arguments)
        part = CallPart(self._count, call.arguments, made.id, call.name)
        self._count += 1
        yield Delta(tool_call=made, call_part=part)


def new_call_id() -> str:
    """An id for a call, in the form that clients know."""
    return f"call_{secrets.token_hex(4)}"

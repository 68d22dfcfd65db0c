"""Sorting an answer's text into plain text, reasoning and tool calls by the marks around them."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from chat.conversation import ToolCall
from chat.deltas import CallPart, Delta
from chat.dialects.call_stream import CallStream
from chat.dialects.dialect import Block, Call, Dialect, Reading, Tools
from chat.dialects.json_text import ends_in_string
from chat.stop_strings import held_back

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

    White space between a section and the text after it is left out. A block that is no call is the text it was. At the
    end of the answer an unclosed block counts as closed. Calls within reasoning count only when the reasoning is never
    closed. `opened`: the prompt has already opened the reasoning. `eager`: pass arguments on as they come, which
    presumes that a grammar keeps them valid.
    """

    def __init__(
        self,
        *,
        reasoning: Tag | None = None,
        opened: bool = False,
        dialect: Dialect | None = None,
        tools: Tools | None = None,
        eager: bool = False,
    ) -> None:
        self._reasoning = reasoning
        self._dialect = dialect
        self._tools = tools or {}
        self._blocks = {block.open: block for block in dialect.blocks(self._tools)} if dialect else {}
        self._firsts = {mark[0] for mark in (*self._blocks, *([reasoning.open] if reasoning else [])) if mark}
        self._eager = eager and dialect is not None and dialect.json
        self._mode: Mode = "reasoning" if opened else "text"
        self._trim: set[Mode] = {"reasoning"} if opened else {"text"} if dialect else set()
        self._pending = ""
        self._block = Block("")
        self._content = ""
        self._in_reasoning = False
        self._stream: CallStream | None = None
        self._held: list[Call] = []
        self._held_source = ""
        self._after_held = ""
        self._count = 0

    def push(self, text: str) -> Iterator[Delta]:
        if self._is_plain(text):
            if text:
                yield Delta(text=text)
            return
        self._pending += text
        while self._pending:
            marks = self._marks()
            found = [(at, mark) for mark in marks if (at := self._pending.find(mark)) >= 0]
            if not found:
                yield from self._take(len(self._pending) - held_back(self._pending, marks))
                return
            at, mark = min(found)
            yield from self._take(at)
            self._pending = self._pending[len(mark) :]
            yield from self._at_mark(mark)

    def _is_plain(self, text: str) -> bool:
        """Whether nothing in `text` could begin a mark, and nothing is held or trimmed, as with most tokens."""
        if self._pending or self._mode != "text" or self._held_source or self._trim:
            return False
        return self._firsts.isdisjoint(text)

    def finish(self) -> Iterator[Delta]:
        yield from self._take(len(self._pending))
        if self._mode == "call":
            yield from self._end_block("")
        yield from (delta for call in self._held for delta in self._whole(call))
        if self._after_held.strip():
            yield Delta(reasoning=self._after_held)

    def _marks(self) -> list[str]:
        reasoning = self._reasoning
        match self._mode:
            case "text":
                return [*([reasoning.open] if reasoning else []), *self._blocks]
            case "reasoning":
                return [*([reasoning.close] if reasoning else []), *self._blocks]
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
                yield from (Delta(call_part=part) for part in self._stream.push(piece))
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
            yield Delta(reasoning=piece) if mode == "reasoning" else Delta(text=piece)

    def _at_mark(self, mark: str) -> Iterator[Delta]:
        reasoning = self._reasoning
        if reasoning and mark == reasoning.open and self._mode == "text":
            self._mode = "reasoning"
            self._trim.add("reasoning")
        elif reasoning and mark == reasoning.close and self._mode != "text":
            yield from self._end_reasoning()
        elif self._mode == "call":
            if ends_in_string(self._content) and self._dialect and self._dialect.json:
                yield from self._restore(mark)  # the mark is quoted in an argument
            else:
                yield from self._end_block(mark)
        else:
            yield from self._begin_block(self._blocks[mark])

    def _begin_block(self, block: Block) -> Iterator[Delta]:
        self._in_reasoning = self._mode == "reasoning"
        self._mode, self._block, self._content = "call", block, ""
        self._stream = CallStream(self._count) if self._eager and not self._in_reasoning else None
        if block.keep:
            yield from self._restore(block.open)

    def _restore(self, mark: str) -> Iterator[Delta]:
        pending, self._pending = self._pending, mark
        yield from self._take(len(mark))
        self._pending = pending

    def _end_block(self, close: str) -> Iterator[Delta]:
        content = self._content + (close if self._block.keep else "")
        reading = self._dialect.read(content, self._tools) if self._dialect else None
        source = f"{'' if self._block.keep else self._block.open}{self._content}{close}"
        streamed = self._stream.calls if self._stream else []
        self._stream, self._content = None, ""
        self._mode = "reasoning" if self._in_reasoning else "text"
        if self._in_reasoning:
            yield from self._hold(reading, source)
        elif reading is not None:
            yield from self._calls(reading, streamed)
        elif not streamed:
            yield from self._plain(source)

    def _hold(self, reading: Reading | None, source: str) -> Iterator[Delta]:
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

    def _calls(self, reading: Reading, streamed: list[CallPart]) -> Iterator[Delta]:
        for number, call in enumerate(reading.calls):
            if number < len(streamed):
                self._count += 1
                yield Delta(tool_call=ToolCall(streamed[number].id or "", call.name, call.arguments))
            else:
                yield from self._whole(call)
        self._trim.add("text")
        if reading.rest:
            yield from self._plain(reading.rest)

    def _whole(self, call: Call) -> Iterator[Delta]:
        made = ToolCall(new_call_id(), call.name, call.arguments)
        part = CallPart(self._count, call.arguments, made.id, call.name)
        self._count += 1
        yield Delta(tool_call=made, call_part=part)


def new_call_id() -> str:
    """An id for a call, in the form that clients know."""
    return f"call_{secrets.token_hex(4)}"

"""Splitting an answer into its plain text, its reasoning and its tool calls by the tags around them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chat.stop_strings import held_back

Kind = Literal["text", "reasoning", "tool_call"]


@dataclass(frozen=True)
class Tag:
    """A pair of marks and what stands between them."""

    kind: Kind
    open: str
    close: str


REASONING = Tag("reasoning", "<think>", "</think>")
HERMES_TOOL_CALL = Tag("tool_call", "<tool_call>", "</tool_call>")


@dataclass(frozen=True)
class Piece:
    """A run of one kind. `closed` is set on the last piece of a tagged section, which may be empty."""

    kind: Kind
    text: str
    closed: bool = False


class SectionSplitter:
    """Finds tagged sections in text that comes in pieces of any size. Sections do not nest.

    `opened` is the tag that the prompt itself has already opened, as some templates do with reasoning.
    """

    def __init__(self, tags: Sequence[Tag], *, opened: Tag | None = None) -> None:
        self._tags = {tag.open: tag for tag in tags}
        self._current = opened
        self._pending = ""

    def push(self, text: str) -> Iterator[Piece]:
        """The pieces that are now certain."""
        self._pending += text
        while self._pending:
            marks = [self._current.close] if self._current else list(self._tags)
            found = [(at, mark) for mark in marks if (at := self._pending.find(mark)) >= 0]
            if not found:
                safe = len(self._pending) - held_back(self._pending, marks)
                yield from self._take(safe)
                return
            at, mark = min(found)
            yield from self._take(at)
            self._pending = self._pending[len(mark) :]
            if self._current is not None:
                yield Piece(self._current.kind, "", closed=True)
                self._current = None
            else:
                self._current = self._tags[mark]

    def finish(self) -> Iterator[Piece]:
        """The rest: a mark that never became whole is text."""
        yield from self._take(len(self._pending))

    def _take(self, count: int) -> Iterator[Piece]:
        if count:
            kind = self._current.kind if self._current else "text"
            yield Piece(kind, self._pending[:count])
            self._pending = self._pending[count:]

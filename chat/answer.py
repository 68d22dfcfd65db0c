"""The text layer of one answer: ids in, deltas of text, reasoning and tool calls out."""

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chat.conversation import ToolCall
from chat.detokenizer import Detokenizer
from chat.sections import Piece, SectionSplitter, Tag
from chat.stop_strings import StopStrings


@dataclass(frozen=True)
class Delta:
    """What the newest tokens added to an answer; usually one of the three is set."""

    text: str = ""
    reasoning: str = ""
    tool_call: ToolCall | None = None


class AnswerText:
    """Decodes, cuts at stop strings and sorts the answer into sections.

    Where reasoning or a tool call is set apart, the white space around its tags is left out. A tool call that is not
    valid JSON is given back as the text it was.
    """

    def __init__(
        self, decode: Callable[[Sequence[int]], str], *, stop: Sequence[str], tags: Sequence[Tag], opened: Tag | None
    ) -> None:
        self._detokenizer = Detokenizer(decode)
        self._stops = StopStrings(stop)
        self._sections = SectionSplitter(tags, opened=opened)
        self._tool_tag = next((tag for tag in tags if tag.kind == "tool_call"), None)
        self._call = ""
        self._trim: set[str] = {"reasoning"} if opened else set()

    @property
    def stopped(self) -> bool:
        """Whether a stop string was met: nothing more will come."""
        return self._stops.matched is not None

    @property
    def stop_string(self) -> str | None:
        """The stop string that was met."""
        return self._stops.matched

    def push(self, ids: Sequence[int]) -> list[Delta]:
        text = self._stops.push(self._detokenizer.push(ids))
        return list(self._deltas(self._sections.push(text)))

    def finish(self) -> list[Delta]:
        """What was held back, after the last id."""
        rest = self._stops.push(self._detokenizer.finish()) + self._stops.finish()
        deltas = [*self._deltas(self._sections.push(rest)), *self._deltas(self._sections.finish())]
        if self._call and self._tool_tag:
            deltas.append(self._read_call(self._tool_tag.open + self._call))
        return deltas

    def _deltas(self, pieces: Iterator[Piece]) -> Iterator[Delta]:
        for piece in pieces:
            if piece.kind == "tool_call":
                self._call += piece.text
                if piece.closed and self._tool_tag:
                    yield self._read_call(f"{self._tool_tag.open}{self._call}{self._tool_tag.close}")
                    self._call = ""
                    self._trim.add("text")
                continue
            if piece.closed:
                self._trim.add("text")
                continue
            text = self._trimmed(piece)
            if text:
                yield Delta(reasoning=text) if piece.kind == "reasoning" else Delta(text=text)

    def _trimmed(self, piece: Piece) -> str:
        if piece.kind not in self._trim:
            return piece.text
        text = piece.text.lstrip()
        if text:
            self._trim.discard(piece.kind)
        return text

    def _read_call(self, source: str) -> Delta:
        try:
            call = json.loads(self._call)
            name, arguments = call["name"], call.get("arguments", {})
            if not isinstance(name, str) or not isinstance(arguments, dict):
                return Delta(text=source)
        except (ValueError, KeyError, TypeError, AttributeError):
            return Delta(text=source)
        return Delta(
            tool_call=ToolCall(f"call_{secrets.token_hex(4)}", name, json.dumps(arguments, ensure_ascii=False))
        )

"""Calls whose arguments stand between tags of their own, as plain text or JSON."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from chat.tool_formats.tool_call_format import ParsedCall, ParsedCalls, Tools
from chat.tool_formats.typed_text import typed_call

_PLAIN_NAME = re.compile(r"[\w.:/-]+")
_CDATA = re.compile(r"\s*<!\[CDATA\[(.*?)\]\]>\s*", re.DOTALL)


@dataclass(frozen=True)
class ArgumentTags:
    """Expressions for the parts of a call: its `head` with the group `name`, the beginning of an argument with the
    group `key` (and `text`, where it says whether the value is text), its `close`, and the call's `tail`.

    What these families write is no XML: within a value nothing is escaped. So a tag that closes one counts only where
    the next argument or the call's end follows. `bare` takes from a value what sets it apart from its tags.
    """

    head: re.Pattern[str]
    open: re.Pattern[str]
    close: re.Pattern[str]
    tail: re.Pattern[str]
    bare: Callable[[str], str] = str

    def read(self, text: str, tools: Tools) -> ParsedCalls | None:
        """One or several calls; what is not closed at the end counts as closed."""
        return self._read(text, tools, cut=False)

    def read_cut(self, text: str, tools: Tools) -> ParsedCalls | None:
        """The same of a text that may stop anywhere."""
        return self._read(text, tools, cut=True)

    def inside(self, text: str) -> bool:
        """Whether `text` stops in the middle of a value."""
        openings = list(self.open.finditer(text))
        return bool(openings) and self._end_of_value(text, openings[-1].end()) is None

    def _read(self, text: str, tools: Tools, *, cut: bool) -> ParsedCalls | None:
        calls: list[ParsedCall] = []
        position = 0
        while (head := self.head.match(text, position)) and _is_name(head["name"], tools):
            name = head["name"].strip()
            if cut and head.end("name") == len(text):
                break  # which may go on
            arguments: dict[str, str] = {}
            texts: set[str] = set()
            position = head.end()
            whole = True
            while opening := self.open.match(text, position):
                key = opening["key"].strip()
                found = self._end_of_value(text, opening.end())
                if found is None and cut:
                    whole = False
                    break
                end, position = found or self._missing_close(text, opening.end())
                arguments[key] = self._bare(text[opening.end() : end])
                if opening.groupdict().get("text") == "true":
                    texts.add(key)
            call = typed_call(name, arguments, tools, frozenset(texts))
            tail = self.tail.match(text, position)
            if cut and not (whole and tail and tail[0].strip()):
                return ParsedCalls(tuple(calls), cut=ParsedCall(name, call.arguments.removesuffix("}")))
            position = tail.end() if tail else position
            calls.append(call)
            if not tail and text[position:].strip():
                return None
        return ParsedCalls(tuple(calls), text[position:].strip()) if calls else None

    def _bare(self, value: str) -> str:
        marked = _CDATA.fullmatch(value)
        return marked[1] if marked else self.bare(value)

    def _end_of_value(self, text: str, position: int) -> tuple[int, int] | None:
        """Where the value ends, and where its closing tag does."""
        for close in self.close.finditer(text, position):
            following = close.end()
            if not text[following:].strip() or self.open.match(text, following) or self._ends(text, following):
                return close.start(), following
        return None

    def _missing_close(self, text: str, position: int) -> tuple[int, int]:
        following = self.open.search(text, position)
        last = following.start() if following else len(text)
        end = next((at for at in range(position, last) if text[at] == "<" and self._ends(text, at)), last)
        return end, end

    def _ends(self, text: str, position: int) -> bool:
        tail = self.tail.match(text, position)
        return tail is not None and tail.end() > position


def _is_name(name: str, tools: Tools) -> bool:
    return name.strip() in tools or _PLAIN_NAME.fullmatch(name.strip()) is not None


def _unwrapped(value: str) -> str:
    """The value without the line breaks that set it apart from its tags."""
    return value.removeprefix("\n").removesuffix("\n")


_WRAPPERS = r"</?(?:seed:|minimax:|atem:|steptml:|｜DSML｜)?(?:function_calls|tool_calls?)(?::\w+)?>"
_SPACE_NAME = r"(?:minimax:|atem:|steptml:|｜DSML｜)?"

QWEN_TAGS = ArgumentTags(
    re.compile(rf"\s*(?:{_WRAPPERS}\s*)*<function=(?P<name>[^>\n]+)>"),
    re.compile(r"\s*<parameter=(?P<key>[^>\n]+)>"),
    re.compile(r"</parameter>"),
    re.compile(rf"\s*</function>(?:\s*{_WRAPPERS.replace('</?', '</')})*"),
    _unwrapped,
)
GLM_TAGS = ArgumentTags(
    re.compile(rf"\s*(?:{_WRAPPERS}\s*)*(?P<name>[^<\n]+?)\s*(?:<tool_sep(?::\w+)?>\s*)?(?=<arg_key|</tool_call|\Z)"),
    re.compile(r"\s*<arg_key(?::\w+)?>(?P<key>.*?)</arg_key(?::\w+)?>\s*<arg_value(?::\w+)?>", re.DOTALL),
    re.compile(r"</arg_value(?::\w+)?>"),
    re.compile(rf"(?:\s*{_WRAPPERS.replace('</?', '</')})+|\s*\Z"),
)
INVOKE_TAGS = ArgumentTags(
    re.compile(rf"\s*(?:{_WRAPPERS}\s*)*<{_SPACE_NAME}(?:invoke|function)\s+name=([\"'])(?P<name>[^\"'\n]+)\1[^>\n]*>"),
    re.compile(
        rf"\s*<{_SPACE_NAME}(?:parameter|param)\s+name=([\"'])(?P<key>[^\"'\n]+)\1"
        r"(?:\s+string=[\"'](?P<text>true|false)[\"'])?[^>\n]*>"
    ),
    re.compile(rf"</{_SPACE_NAME}(?:parameter|param)>"),
    re.compile(rf"\s*</{_SPACE_NAME}(?:invoke|function)>(?:\s*{_WRAPPERS.replace('</?', '</')})*"),
)

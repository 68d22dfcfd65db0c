"""Calls whose name stands between marks, apart from their JSON arguments."""

import re
from dataclasses import dataclass

from chat.tool_formats.json_text import DECODER, as_call, leading_calls, made_call, named_call, read_calls
from chat.tool_formats.tool_call_format import ParsedCall, ParsedCalls, Tools

_PLAIN_NAME = re.compile(r"[\w.:/-]+")
_NEXT = re.compile(r"\s*\[TOOL_CALLS\]")
_PHI_MARKS = re.compile(r"\s*(?:functools)?\s*(?:<\|tool_calls?\|>)?(.*?)(?:<\|/tool_calls?\|>)?\s*", re.DOTALL)

MISTRAL_HEAD = re.compile(
    r"(?:^|\[TOOL_CALLS\])\s*(?P<name>[^\s\[\]{}\"](?:[^\[\]{}\"\n]*[^\s\[\]{}\"])?)\s*"
    r"(?:\[CALL_ID\]\s*[\w-]*\s*)?(?:\[ARGS\])?\s*(?=\{)"
)
_MISTRAL = re.compile(MISTRAL_HEAD.pattern.replace(r"(?:^|\[TOOL_CALLS\])", "", 1))
DEEPSEEK_HEAD = re.compile(
    r"<｜tool▁call▁begin｜>(?:(?:function)?<｜tool▁sep｜>(?P<name>[^\n<]+)|(?P<bare>[^<]+)<｜tool▁sep｜>)"
    r"\s*(?:```json\s*)?(?=\{)"
)
KIMI_HEAD = re.compile(
    r"<\|tool_call_begin\|>\s*(?:functions\.)?(?P<name>[^<\n]+?)(?::\d+)?\s*<\|tool_call_argument_begin\|>\s*(?=\{)"
)
SOLAR_HEAD = re.compile(
    r"(?:<\|tool_call:begin\|>|^)[^<]*<\|tool_call:name\|>(?P<name>[^<\n]+)<\|tool_call:args\|>\s*(?=\{)"
)
FUNCTIONARY_HEAD = re.compile(r"(?:^|>>>)(?P<name>[^\n{>]+)\n(?=\{)")
FUNCTION_TAG_HEAD = re.compile(r"<function=(?P<name>[^<>\n]+)>\s*(?=\{)")
KEYED_HEAD = re.compile(r'(?:^|[\[,])\s*\{\s*"(?P<name>(?:[^"\\]|\\.)+)"\s*:\s*(?=\{)')


@dataclass(frozen=True)
class Marks:
    """Calls that a `head` with the group `name` (or `bare`) begins, and a `tail` ends."""

    head: re.Pattern[str]
    tail: re.Pattern[str]

    def read(self, text: str, tools: Tools) -> ParsedCalls | None:
        """One or several calls, one after the other; without an end at the end of the text."""
        del tools
        calls: list[ParsedCall] = []
        position = _skip(text, 0)
        while head := self.head.match(text, position):
            try:
                arguments, position = DECODER.raw_decode(text, head.end())
            except (ValueError, RecursionError):
                return None
            calls.append(made_call((head["name"] or head["bare"]).strip(), arguments))
            tail = self.tail.match(text, position)
            position = _skip(text, tail.end() if tail else position)
        return ParsedCalls(tuple(calls), text[position:].strip()) if calls else None


DEEPSEEK_MARKS = Marks(DEEPSEEK_HEAD, re.compile(r"\s*(?:```)?\s*<｜tool▁call▁end｜>"))
KIMI_MARKS = Marks(KIMI_HEAD, re.compile(r"\s*<\|tool_call_end\|>"))
SOLAR_MARKS = Marks(SOLAR_HEAD, re.compile(r"\s*<\|tool_call:end\|>"))
FUNCTION_TAG_MARKS = Marks(FUNCTION_TAG_HEAD, re.compile(r"\s*</function>"))


def read_deepseek(text: str, tools: Tools) -> ParsedCalls | None:
    """Calls with DeepSeek's marks, or the call objects that models distilled from it write."""
    return DEEPSEEK_MARKS.read(text, tools) or read_calls(text, tools)


def read_mistral(text: str, tools: Tools) -> ParsedCalls | None:
    """A list of call objects, or `name[ARGS]{…}` calls, each but the first after another `[TOOL_CALLS]`."""
    if text.lstrip().startswith(("[{", "[ {", "{")):
        calls, rest = leading_calls(text)
        return ParsedCalls(tuple(calls), rest.strip()) if calls else None
    found: list[ParsedCall] = []
    position = 0
    while head := _MISTRAL.match(text, position):
        try:
            arguments, position = DECODER.raw_decode(text, head.end())
        except (ValueError, RecursionError):
            return None
        found.append(made_call(head["name"], arguments))
        following = _NEXT.match(text, position)
        position = following.end() if following else position
    return ParsedCalls(tuple(found), text[position:].strip()) if found else None


def read_functionary(text: str, tools: Tools) -> ParsedCalls | None:
    """`>>>name` and a line with JSON for each call; what is said to the user comes after `>>>all`, or alone."""
    calls: list[ParsedCall] = []
    said: list[str] = []
    for part in text.split(">>>"):
        name, _, body = part.partition("\n")
        name = name.strip()
        named = name in tools or _PLAIN_NAME.fullmatch(name)
        call = named_call(name, body) if named and body.strip() and name != "all" else None
        if call is not None:
            calls.append(call)
        elif name in tools:
            return None
        elif part.strip():
            said.append(body if name == "all" else part)
    return ParsedCalls(tuple(calls), "".join(said).strip()) if calls or said else None


def read_keyed(text: str, tools: Tools) -> ParsedCalls | None:
    """A list of objects whose only key is the function's name, or else of call objects."""
    try:
        value, end = DECODER.raw_decode(text, _skip(text, 0))
    except (ValueError, RecursionError):
        return None
    calls: list[ParsedCall] = []
    for each in value if isinstance(value, list) else [value]:
        keyed = isinstance(each, dict) and len(each) == 1 and isinstance(next(iter(each.values())), dict)
        call = made_call(*next(iter(each.items()))) if keyed else as_call(each)
        if call is None:
            return None
        calls.append(call)
    return ParsedCalls(tuple(calls), text[end:].strip()) if calls else None


def read_offered(text: str, tools: Tools) -> ParsedCalls | None:
    """Call objects without marks of their own: only offered tools count, anything after them is text."""
    calls, rest = leading_calls(text)
    known = bool(calls) and all(call.name in tools for call in calls)
    return ParsedCalls(tuple(calls), rest.strip()) if known else None


def read_phi(text: str, tools: Tools) -> ParsedCalls | None:
    """A list of call objects; the word `functools` and the tags may both stand around it."""
    inner = _PHI_MARKS.fullmatch(text)
    return read_calls(inner[1], tools) if inner else None


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position

"""Calls written as Python: `[weather(city="Paris", days=2), now()]`. Nothing is evaluated."""

import ast
import re
from typing import Any

from chat.tool_formats.json_text import DECODER, cut_call, leading_calls, made_call
from chat.tool_formats.tool_call_format import ParsedCall, ParsedCalls, Tools

_WORDS = {"True": True, "False": False, "None": None, "true": True, "false": False, "null": None}
_STRING = re.compile(
    r"[rRbBuUfF]{0,2}(?:\"{3}.*?(?<!\\)\"{3}|'{3}.*?(?<!\\)'{3}|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')", re.DOTALL
)
_BARE = re.compile(r"[^\s,\]\[(){}:=\"']+")
_NAME = re.compile(r"\s*([^\s(){}\[\],=\"'](?:[^(){}\[\],=\"'\n]*[^\s(){}\[\],=\"'])?)\s*\(")
_KEY = re.compile(r"\s*([^\s(){}\[\],=\"'](?:[^(){}\[\],=\"'\n]*[^\s(){}\[\],=\"'])?)\s*=")
_HALF_KEY = re.compile(r"[^(){}\[\],=\"'\n]*")
_SPACE = re.compile(r"\s*")


class _Cut(Exception):
    """The text stops within a call: its name, and the arguments that are complete."""

    def __init__(self, name: str, arguments: dict[str, Any]) -> None:
        self.name = name
        self.arguments = arguments


def read_pythonic(text: str, tools: Tools) -> ParsedCalls | None:
    """A list of calls, or calls one after the other, with keyword arguments that are literals; or JSON instead."""
    if text.lstrip().startswith(("[{", "[ {", "{")):
        calls, rest = leading_calls(text)
        return ParsedCalls(tuple(calls)) if calls and not rest.strip() else None
    reading = read_cut_pythonic(text, tools)
    return None if reading is None or reading.cut else reading


def read_cut_pythonic(text: str, tools: Tools) -> ParsedCalls | None:
    """The same of a text that may stop anywhere."""
    position = _skip(text, 0)
    listed = text.startswith("[", position)
    calls: list[ParsedCall] = []
    position += listed
    while True:
        position = _skip(text, position)
        if text.startswith(",", position):
            position = _skip(text, position + 1)
        if position == len(text) or (listed and text.startswith("]", position)):
            break
        try:
            name, arguments, position = _call(text, position)
            calls.append(made_call(name, arguments))
        except _Cut as cut:
            return (
                ParsedCalls(tuple(calls), cut=cut_call(cut.name, cut.arguments)) if cut.name in tools or calls else None
            )
        except (ValueError, RecursionError):
            return None
    if listed and position < len(text) and text[position + 1 :].strip():
        return None
    return ParsedCalls(tuple(calls)) if calls else None


def read_value(text: str) -> Any:
    """A literal, as Python or JSON writes it. Raises ValueError."""
    value, end = _value(text, _skip(text, 0))
    if text[end:].strip():
        raise ValueError("something after the value")
    return value


def ends_in_string(text: str) -> bool:
    """Whether Python `text` stops in the middle of a string."""
    position = 0
    while position < len(text):
        if text[position] in "\"'":
            found = _STRING.match(text, position)
            if not found:
                return True
            position = found.end()
        else:
            position += 1
    return False


def _call(text: str, position: int) -> tuple[str, dict[str, Any], int]:
    head = _NAME.match(text, position)
    if not head:
        raise ValueError("not a call")
    arguments: dict[str, Any] = {}
    position = head.end()
    try:
        while not text.startswith(")", position := _skip(text, position)):
            key = _KEY.match(text, position)
            if not key:
                raise ValueError("not an argument with a name")
            arguments[key[1]], position = _value(text, _skip(text, key.end()), ends=False)
            position = _separated(text, position, ")")
    except ValueError as error:
        if not isinstance(error, _Unfinished) and not _HALF_KEY.fullmatch(text, position):
            raise
        raise _Cut(head[1], arguments) from None
    return head[1], arguments, position + 1


class _Unfinished(ValueError):
    """The text ends within a value."""


def _value(text: str, position: int, *, ends: bool = True) -> tuple[Any, int]:
    """`ends`: the end of the text ends a word."""
    opening = text[position : position + 1]
    if not opening:
        raise _Unfinished("a value is missing")
    if opening == "{":
        return _members(text, position + 1)
    if opening in "[(":
        return _items(text, position + 1, "]" if opening == "[" else ")")
    if opening in "\"'" or _STRING.match(text, position):
        return _string(text, position)
    bare = _BARE.match(text, position)
    if not bare or (bare.end() == len(text) and not ends):
        raise _Unfinished("a value stops") if bare else ValueError("not a literal")
    if bare[0] in _WORDS:
        return _WORDS[bare[0]], bare.end()
    try:
        return DECODER.decode(bare[0]), bare.end()
    except ValueError:
        return _python_number(bare[0]), bare.end()


def _python_number(text: str) -> int | float:
    """One that JSON writes otherwise: 0x1F, 1_000, .5"""
    try:
        value = ast.literal_eval(text) if re.fullmatch(r"[+-]?[\w.]+", text) else None
    except SyntaxError:
        value = None
    if not isinstance(value, int | float):
        raise ValueError("not a literal")
    return value


def _string(text: str, position: int) -> tuple[str, int]:
    if text.startswith('"', position) and not text.startswith('""', position):
        try:
            return DECODER.raw_decode(text, position)  # as JSON reads it, which knows more characters
        except ValueError:
            pass
    found = _STRING.match(text, position)
    if not found:
        raise _Unfinished("a text does not end")
    try:
        value = ast.literal_eval(found[0])
    except (SyntaxError, ValueError):
        quotes = 3 if found[0].startswith(('"""', "'''")) else 1
        value = found[0][quotes:-quotes]  # a line break within quotes, which models write
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value, found.end()


def _members(text: str, position: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    while not text.startswith("}", position := _skip(text, position)):
        key, position = _value(text, position)
        position = _skip(text, position)
        if not text.startswith(":", position):
            raise _Unfinished("a value is missing") if position == len(text) else ValueError("a value is missing")
        members[str(key)], position = _value(text, _skip(text, position + 1))
        position = _separated(text, position, "}")
    return members, position + 1


def _items(text: str, position: int, closing: str) -> tuple[list[Any], int]:
    items: list[Any] = []
    while not text.startswith(closing, position := _skip(text, position)):
        item, position = _value(text, position)
        items.append(item)
        position = _separated(text, position, closing)
    return items, position + 1


def _separated(text: str, position: int, closing: str) -> int:
    position = _skip(text, position)
    if text.startswith(",", position):
        return position + 1
    if not text.startswith(closing, position):
        raise _Unfinished("it does not end") if position == len(text) else ValueError("a comma is missing")
    return position


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position

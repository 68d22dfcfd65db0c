"""Gemma's calls: `call:name{key:<|"|>text<|"|>,count:2,list:[true]}`, with the text marks of the version in use."""

import re
from typing import Any

from chat.tool_formats.json_text import DECODER, cut_call, made_call
from chat.tool_formats.tool_call_format import ParsedCall, ParsedCalls, Tools

_HEAD = re.compile(r"\s*call:\s*([^{}<\n]+?)\s*(?=\{)")
_KEY = re.compile(r"\s*([^:{}\[\],]+?)\s*:")
_HALF_KEY = re.compile(r"[^:{}\[\],]*")
_BARE = re.compile(r"\s*([^,\]}]*[^\s,\]}])")
_MARKS = ('<|"|>', "<escape>")


class _Unfinished(ValueError):
    """The text ends within a value."""


def read_gemma(text: str, tools: Tools) -> ParsedCalls | None:
    """One or several calls, one after the other."""
    reading = read_cut_gemma(text, tools)
    return None if reading is None or reading.cut else reading


def read_cut_gemma(text: str, tools: Tools) -> ParsedCalls | None:
    """The same of a text that may stop anywhere."""
    del tools
    calls: list[ParsedCall] = []
    position = 0
    while text[position:].strip():
        head = _HEAD.match(text, position)
        if not head:
            return None
        members: dict[str, Any] = {}
        try:
            position = _members(text, head.end() + 1, members)
            calls.append(made_call(head[1], members))
        except _Unfinished:
            return ParsedCalls(tuple(calls), cut=cut_call(head[1], members))
        except (ValueError, RecursionError):
            return None
    return ParsedCalls(tuple(calls)) if calls else None


def ends_in_text(text: str) -> bool:
    """Whether `text` stops between two text marks."""
    position = 0
    while found := min(((at, mark) for mark in _MARKS if (at := text.find(mark, position)) >= 0), default=None):
        end = text.find(found[1], found[0] + len(found[1]))
        if end < 0:
            return True
        position = end + len(found[1])
    return False


def _value(text: str, position: int) -> tuple[Any, int]:
    position = _skip_space(text, position)
    for mark in _MARKS:
        if text.startswith(mark, position):
            return _marked(text, position + len(mark), mark)
    if text.startswith('"', position):
        try:
            return DECODER.raw_decode(text, position)
        except ValueError as error:
            raise _Unfinished("a text does not end") from error
    if text.startswith("{", position):
        members: dict[str, Any] = {}
        return members, _members(text, position + 1, members)
    if text.startswith("[", position):
        return _items(text, position + 1)
    bare = _BARE.match(text, position)
    if not bare or bare.end() == len(text):
        raise _Unfinished("a value is missing")
    try:
        return DECODER.decode(bare[1]), bare.end()
    except ValueError:
        return bare[1], bare.end()


def _marked(text: str, position: int, mark: str) -> tuple[str, int]:
    end = text.find(mark, position)
    if end < 0:
        raise _Unfinished("a text does not end")
    return text[position:end], end + len(mark)


def _members(text: str, position: int, members: dict[str, Any]) -> int:
    """Fill `members`; the position after the closing brace."""
    while not text.startswith("}", position := _skip_space(text, position)):
        name, position = _key(text, position)
        members[name], position = _value(text, position)
        position = _skip_comma(text, position, "}")
    return position + 1


def _key(text: str, position: int) -> tuple[str, int]:
    """The key and the position after its colon."""
    if text.startswith(('"', *_MARKS), position):
        name, position = _value(text, position)
        position = _skip_space(text, position)
        if text.startswith(":", position):
            return str(name), position + 1
        raise _Unfinished("a value is missing") if position == len(text) else ValueError("a value is missing")
    key = _KEY.match(text, position)
    if key:
        return key[1], key.end()
    raise _Unfinished("a key stops") if _HALF_KEY.fullmatch(text, position) else ValueError("a key is missing")


def _items(text: str, position: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while not text.startswith("]", position := _skip_space(text, position)):
        item, position = _value(text, position)
        items.append(item)
        position = _skip_comma(text, position, "]")
    return items, position + 1


def _skip_comma(text: str, position: int, closing: str) -> int:
    position = _skip_space(text, position)
    if text.startswith(",", position):
        return position + 1
    if not text.startswith(closing, position):
        raise _Unfinished("it does not end") if position == len(text) else ValueError("a comma is missing")
    return position


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position

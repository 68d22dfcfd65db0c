"""Gemma's calls: `call:name{key:<|"|>text<|"|>,count:2,list:[true]}`, with the text marks of the version in use."""

import re
from typing import Any

from chat.dialects.dialect import Call, Reading, Tools
from chat.dialects.json_text import DECODER, made_call

_HEAD = re.compile(r"\s*call:([\w.-]+)\s*(?=\{)")
_KEY = re.compile(r"\s*([^\s:{}\[\],]+)\s*:")
_BARE = re.compile(r"\s*([^\s,\]}]+)")
_QUOTES = ('<|"|>', "<escape>", '"')


def read_gemma(text: str, tools: Tools) -> Reading | None:
    """One or several calls, one after the other."""
    del tools
    calls: list[Call] = []
    position = 0
    while text[position:].strip():
        head = _HEAD.match(text, position)
        if not head:
            return None
        try:
            arguments, position = _value(text, head.end())
            calls.append(made_call(head[1], arguments))
        except (ValueError, RecursionError):
            return None
    return Reading(tuple(calls)) if calls else None


def _value(text: str, position: int) -> tuple[Any, int]:
    position = _skip_space(text, position)
    for quote in _QUOTES:
        if text.startswith(quote, position):
            start = position + len(quote)
            end = text.index(quote, start)
            return text[start:end], end + len(quote)
    if text.startswith("{", position):
        return _members(text, position + 1)
    if text.startswith("[", position):
        return _items(text, position + 1)
    bare = _BARE.match(text, position)
    if not bare:
        raise ValueError("a value is missing")
    try:
        return DECODER.decode(bare[1]), bare.end()
    except ValueError:
        return bare[1], bare.end()


def _members(text: str, position: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    while not text.startswith("}", position := _skip_space(text, position)):
        key = _KEY.match(text, position)
        if not key:
            raise ValueError("a key is missing")
        members[_unquoted(key[1])], position = _value(text, key.end())
        position = _skip_comma(text, position, "}")
    return members, position + 1


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
        raise ValueError("a comma is missing")
    return position


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _unquoted(key: str) -> str:
    for quote in _QUOTES:
        key = key.removeprefix(quote).removesuffix(quote)
    return key

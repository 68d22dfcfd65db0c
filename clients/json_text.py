"""JSON with comments and trailing commas, as clients' configuration files have them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clients.settings_text import REMOVED, CannotEdit, SettingPath

_BLANK = re.compile(r"(?:[ \t\n\r]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SCALAR = re.compile(r'"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null')


@dataclass
class _Node:
    """A value at `start:end` of the text. `members`, of an object: where each key and its value stand."""

    start: int
    end: int
    data: Any
    members: dict[str, tuple[int, _Node]] | None = field(default=None)


class JsonText:
    def read(self, text: str) -> Any:
        return _parse(text).data if _BLANK.sub("", text) else {}

    def edit(self, text: str, values: Mapping[SettingPath, Any]) -> str:
        if not _BLANK.sub("", text):
            text += "{}\n"
        for path, value in reversed(list(values.items())):  # each new one comes first
            text = _removed(text, path) if value is REMOVED else _set(text, path, value)
        return text


def _parse(text: str) -> _Node:
    try:
        node = _value(text, _skip(text, 0))
    except RecursionError as error:
        raise CannotEdit("it is nested too deeply") from error
    if _skip(text, node.end) != len(text):
        raise CannotEdit(f"it is not JSON, line {text.count(chr(10), 0, node.end) + 1}")
    return node


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int) -> _Node:
    if text[at : at + 1] == "{":
        return _object(text, at)
    if text[at : at + 1] == "[":
        return _array(text, at)
    match = _SCALAR.match(text, at)
    try:
        if match is None:
            raise ValueError
        return _Node(at, match.end(), json.loads(match[0]))
    except ValueError as error:
        raise CannotEdit(f"it is not JSON, line {text.count(chr(10), 0, at) + 1}") from error


def _object(text: str, start: int) -> _Node:
    members: dict[str, tuple[int, _Node]] = {}
    at = _skip(text, start + 1)
    while text[at : at + 1] != "}":
        key = _value(text, at)
        colon = _skip(text, key.end)
        if not isinstance(key.data, str) or text[colon : colon + 1] != ":" or key.data in members:
            raise CannotEdit(f"it is not JSON, line {text.count(chr(10), 0, at) + 1}")
        node = _value(text, _skip(text, colon + 1))
        members[key.data] = (key.start, node)
        at = _next(text, node.end, "}")
    return _Node(start, at + 1, {name: node.data for name, (_, node) in members.items()}, members)


def _array(text: str, start: int) -> _Node:
    items: list[Any] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != "]":
        node = _value(text, at)
        items.append(node.data)
        at = _next(text, node.end, "]")
    return _Node(start, at + 1, items)


def _next(text: str, at: int, closing: str) -> int:
    """Behind the comma, or at the closing bracket."""
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return _skip(text, at + 1)
    if text[at : at + 1] != closing:
        raise CannotEdit(f"it is not JSON, line {text.count(chr(10), 0, at) + 1}")
    return at


def _set(text: str, path: SettingPath, value: Any) -> str:
    node = _parse(text)
    for depth, key in enumerate(path):
        if node.members is None:
            raise CannotEdit(f"{'.'.join(path[:depth])} is not an object")
        if key not in node.members:
            for outer in reversed(path[depth + 1 :]):
                value = {outer: value}
            return _inserted(text, node, key, value)
        _, node = node.members[key]
    return text[: node.start] + _written(text, node.start, value) + text[node.end :]


def _inserted(text: str, node: _Node, key: str, value: Any) -> str:
    """As the first member: nothing need be known of commas and comments behind the last one."""
    step = _step(text)
    outer = _indent(text, node.start)
    inner = outer + step
    if node.members:
        first = min(start for start, _ in node.members.values())
        if "\n" in text[node.start : first]:
            inner = _indent(text, first)
    written = json.dumps(value, ensure_ascii=False, indent=step).replace("\n", f"\n{inner}")
    member = f"\n{inner}{json.dumps(key)}: {written}"
    rest = text[node.start + 1 :]
    if node.members:
        same_line = not re.match(r"[ \t]*(?://[^\n]*|/\*[^\n]*\*/[ \t]*)?\n", rest)
        rest = "," + (f"\n{inner}{rest.lstrip(' ')}" if same_line else rest)
    elif not _BLANK.sub("", text[node.start + 1 : node.end - 1]) and "\n" not in text[node.start + 1 : node.end - 1]:
        rest = f"\n{outer}" + rest.lstrip(" \t")
    return text[: node.start + 1] + member + rest


def _written(text: str, at: int, value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=_step(text)).replace("\n", f"\n{_indent(text, at)}")


def _removed(text: str, path: SettingPath) -> str:
    node = _parse(text)
    *outer, last = path
    for key in outer:
        if node.members is None or key not in node.members:
            return text
        _, node = node.members[key]
    if node.members is None or last not in node.members:
        return text
    start, value = node.members[last]
    end = _skip(text, value.end)
    line = text.rfind("\n", 0, start)
    begin = line if not text[line + 1 : start].strip() and line > node.start else start
    if text[end : end + 1] == ",":
        return text[:begin] + text[end + 1 :]
    before = max((each.end for at, each in node.members.values() if at < start), default=None)
    if before is not None and not text[before:start].count("/"):
        begin = before  # with the comma that was between them
    return text[:begin] + text[value.end :]


def _indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _step(text: str) -> str:
    match = re.search(r"^[ \t]+(?=\")", text, re.MULTILINE)
    return match[0] if match else "  "

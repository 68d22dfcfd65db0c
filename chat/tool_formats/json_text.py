"""Reading JSON in text that is still growing or has other text around it."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from chat.tool_formats.tool_call_format import ParsedCall, ParsedCalls, Tools
from web.streaming import whole_characters


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"{number} is not a number of JSON")


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


DECODER = json.JSONDecoder(strict=False, parse_constant=_refuse, parse_float=_finite)
"""Takes line breaks within texts, which models write; no NaN and nothing infinite, which no client can read."""

_KEY = re.compile(r'\s*,?\s*("(?:[^"\\]|\\.)*")\s*:\s*', re.DOTALL)
_SEPARATORS = " \t\r\n,;"
_NAME = r'"(?:tool_)?name"\s*:\s*"(?P<name>(?:[^"\\]|\\.)+)"'
_ID = r'(?:"(?:tool_call_)?id"\s*:\s*"[^"]*"\s*,\s*)?'
HEAD = re.compile(
    rf'\{{\s*(?:"type"\s*:\s*"function"\s*,\s*)?{_ID}{_NAME}\s*,\s*{_ID}"(?:arguments|parameters)"\s*:\s*(?=\{{)'
)
"""The beginning of a call object, up to its arguments; `name` is JSON text."""


class JsonEnd:
    """Finds the end of a JSON object or array that comes in pieces."""

    def __init__(self) -> None:
        self._depth = 0
        self.in_string = False
        self._escaped = False

    def find(self, text: str) -> int | None:
        """The length of the part of `text` that completes the value, None when more is needed."""
        for position, character in enumerate(text):
            if self.in_string:
                if self._escaped:
                    self._escaped = False
                elif character == "\\":
                    self._escaped = True
                elif character == '"':
                    self.in_string = False
            elif character == '"':
                self.in_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth <= 0:
                    return position + 1
        return None


def ends_in_string(text: str) -> bool:
    """Whether JSON `text` stops in the middle of a string."""
    scanner = JsonEnd()
    while (end := scanner.find(text)) is not None:
        text, scanner = text[end:], JsonEnd()
    return scanner.in_string


def read_calls(text: str, tools: Tools) -> ParsedCalls | None:
    """Call objects one after the other or in lists, separated by white space, commas or semicolons."""
    del tools
    calls, rest = leading_calls(text)
    return ParsedCalls(tuple(calls)) if calls and not rest.strip() else None


def leading_calls(text: str) -> tuple[list[ParsedCall], str]:
    """The call objects that `text` begins with, and the text after them."""
    calls: list[ParsedCall] = []
    while text.strip(_SEPARATORS):
        start = len(text) - len(text.lstrip(_SEPARATORS))
        try:
            value, end = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        found = [as_call(each) for each in (value if isinstance(value, list) else [value])]
        if not all(found):
            break
        calls += [call for call in found if call]
        text = text[end:]
    return calls, text


def as_call(value: Any) -> ParsedCall | None:
    """A decoded call object, in any of the spellings in use."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        value = value["function"]
    name = value.get("name", value.get("tool_name", value.get("function")))
    arguments = value.get("arguments", value.get("parameters"))
    if isinstance(arguments, str):
        arguments = json_object(arguments)
    elif arguments is None:
        arguments = {}
    if not isinstance(name, str) or not name or not isinstance(arguments, dict):
        return None
    return made_call(name, arguments)


def made_call(name: str, arguments: Mapping[str, Any]) -> ParsedCall:
    """Half of a character, as a model's escapes can mean it, becomes U+FFFD. Raises ValueError on what is no JSON."""
    text = json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    return ParsedCall(whole_characters(name), whole_characters(text))


def cut_call(name: str, arguments: Mapping[str, Any]) -> ParsedCall:
    """A call that was cut after these arguments: their object is not closed."""
    made = made_call(name, arguments)
    return ParsedCall(made.name, made.arguments.removesuffix("}"))


def complete_members(text: str) -> dict[str, Any]:
    """The members of a JSON object that `text` begins and that are complete, as far as it goes: the last one, whose
    end nobody knows, is left out."""
    members: dict[str, Any] = {}
    position = len(text) - len(text.lstrip())
    if not text.startswith("{", position):
        return members
    position += 1
    while key := _KEY.match(text, position):
        try:
            value, end = DECODER.raw_decode(text, key.end())
        except (ValueError, RecursionError):
            break
        if end == len(text) and not text.endswith(('"', "}", "]")):
            break  # a number or a word may go on
        members[json.loads(key[1], strict=False)] = value
        position = end
    return json.loads(whole_characters(json.dumps(members, ensure_ascii=False)))


def closed_object(text: str) -> dict[str, Any]:
    """A JSON object that was cut off, closed where it ends, or as much of it as makes sense."""
    stack: list[str] = []
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = not escaped and character == "\\"
        elif character == '"':
            in_string = True
        elif character in "{[":
            stack.append("}" if character == "{" else "]")
        elif character in "}]" and stack:
            stack.pop()
    closing = "".join(reversed(stack))
    for ending in ('"', '": null') if in_string else ("", "null", ": null"):
        value = json_object(f"{text}{ending}{closing}")
        if value is not None:
            return value
    return complete_members(text)


def json_object(text: str) -> dict[str, Any] | None:
    """`text` as a JSON object, None when it is none."""
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def named_call(name: str, arguments: str) -> ParsedCall | None:
    """A call whose name and arguments stand apart; absent arguments are none."""
    value = json_object(arguments.strip() or "{}")
    name = name.strip()
    return made_call(name, value) if name and value is not None else None

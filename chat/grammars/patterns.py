"""Regular expressions of JSON schemas as expressions of XGrammar's EBNF, for what stands between a string's quotes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chat.grammars import ebnf

_MAX_CHARACTERS = 200
# Measured with a vocabulary of 150,000: `{1,30}` takes 2.8 s to compile, `{1,16}` a tenth of a second, `*` and a fixed
# number next to nothing.
_MAX_REPEATS = 16
_MAX_EXACT_REPEATS = 64
_CLASSES = {"d": "0-9", "w": "a-zA-Z0-9_", "s": " "}
_NOT_IN_STRINGS = r'"\\\x00-\x1f'
_REPEATS = re.compile(r"\{(\d+)(,?)(\d*)\}")
_ANYTHING = f"[^{_NOT_IN_STRINGS}]*"


_DAYS = r"((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
_LEAP_DAY = r"[1-9]\d(0[48]|[2468][048]|[13579][26])-02-29"
_DATE = [rf"^([1-9]\d{{3}}-{_DAYS}|{_LEAP_DAY})$"]
_TIME = [r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"]
_OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]\d|\d)"
FORMATS: Mapping[str, list[str]] = {
    "date": _DATE,
    "time": _TIME,
    "date-time": [*_DATE, "^T$", *_TIME],
    "uuid": [r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"],
    "ipv4": [f"^{_OCTET}$", r"^\.$", f"^{_OCTET}$", r"^\.$", f"^{_OCTET}$", r"^\.$", f"^{_OCTET}$"],
    "email": [r"^[a-zA-Z0-9_%+-]+(\.[a-zA-Z0-9_%+-]+)*@[a-zA-Z0-9]+([.-][a-zA-Z0-9]+)*\.[a-zA-Z]{2,16}$"],
}
"""The values of `format` that are kept to, as expressions one after the other (RFC 3339, 9562, 791, 5321; a subset)."""


class UnsupportedPattern(Exception):
    """The expression has something that cannot be said here, or is too large."""


def pattern_rule(pattern: str) -> str:
    """An expression for texts that match `pattern` (ECMA-262, found anywhere unless anchored).

    Characters that JSON writes with a backslash never appear, so it may allow less than the pattern does. Raises
    `UnsupportedPattern`.
    """
    if len(pattern) > _MAX_CHARACTERS:
        raise UnsupportedPattern("it is too long")
    parser = _Parser(pattern)
    body = parser.alternatives()
    if parser.at < len(pattern):
        raise UnsupportedPattern("a bracket too many")
    return body


def format_rule(name: str) -> str:
    """An expression for texts of a format that is one of `FORMATS`."""
    return " ".join(f"({pattern_rule(pattern)})" for pattern in FORMATS[name])


@dataclass
class _Parser:
    """Reads `text` from `at`."""

    text: str
    at: int = 0
    depth: int = 0

    def alternatives(self) -> str:
        """Until the group's end; those of the whole pattern are each anchored or found anywhere."""
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return ebnf.choice(branches)

    def _sequence(self) -> str:
        outside = self.depth == 0
        parts: list[str] = []
        if outside and not self._take("^"):
            parts.append(_ANYTHING)
        ended = False
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            if ended:
                raise UnsupportedPattern("something after $")
            if self._take("$"):
                ended = True
                continue
            parts.append(self._repeated(self._atom()))
        if ended and not outside:
            raise UnsupportedPattern("$ inside a group")
        if outside and not ended:
            parts.append(_ANYTHING)
        return " ".join(parts) or '""'

    def _atom(self) -> str:
        character = self._next()
        match character:
            case "(":
                return self._group()
            case "[":
                return self._class()
            case ".":
                return f"[^{_NOT_IN_STRINGS}]"
            case "\\":
                return f"[{self._escaped()}]"
            case "^" | "*" | "+" | "?" | "{":
                raise UnsupportedPattern(f"{character} at this place")
        if character == '"' or character < " ":
            raise UnsupportedPattern("a character that JSON escapes")
        return ebnf.literal(character)

    def _group(self) -> str:
        if self._take("?") and not self._take(":"):
            raise UnsupportedPattern("a group that looks around")
        self.depth += 1
        body = self.alternatives()
        self.depth -= 1
        if not self._take(")"):
            raise UnsupportedPattern("an open group")
        return f"({body})"

    def _class(self) -> str:
        negated = self._take("^")
        members = ""
        while not self._take("]"):
            character = self._next()
            if character == "\\":
                members += self._escaped()
            elif character == '"' or character < " ":
                continue
            elif character == "-" and (not members or self.text[self.at : self.at + 1] == "]"):
                members += r"\-"
            else:
                members += rf"\{character}" if character in "[^" else character
        if not members:
            raise UnsupportedPattern("an empty class")
        return f"[^{members}{_NOT_IN_STRINGS}]" if negated else f"[{members}]"

    def _escaped(self) -> str:
        """As a member of a class."""
        character = self._next()
        if character in _CLASSES:
            return _CLASSES[character]
        if character.isalnum() or character in '"\\':
            raise UnsupportedPattern(f"\\{character}")
        return rf"\{character}" if character in "-]^[" else character

    def _repeated(self, atom: str) -> str:
        if self.at == len(self.text):
            return atom
        character = self.text[self.at]
        if character in "*+?":
            self.at += 1
            suffix = character
        elif character == "{":
            suffix = self._counted()
        else:
            return atom
        self._take("?")  # how eagerly changes nothing about what matches
        return f"{atom}{suffix}"

    def _counted(self) -> str:
        found = _REPEATS.match(self.text, self.at)
        if found is None:
            raise UnsupportedPattern("a brace at this place")
        self.at = found.end()
        least, comma, most = found.groups()
        highest = int(most or least)
        if highest > (_MAX_REPEATS if comma else _MAX_EXACT_REPEATS) or highest < int(least):
            raise UnsupportedPattern("too many repetitions")
        return f"{{{least}{comma}{most}}}"

    def _take(self, character: str) -> bool:
        taken = self.text.startswith(character, self.at)
        self.at += taken
        return taken

    def _next(self) -> str:
        if self.at == len(self.text):
            raise UnsupportedPattern("an end at this place")
        self.at += 1
        return self.text[self.at - 1]

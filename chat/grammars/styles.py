"""How values are written: as JSON, as Python, or with marks around texts as Gemma writes them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chat.grammars import ebnf

_BARE_KEY = re.compile(r"[^\s:{}\[\],\"'<>\x00-\x1f](?:[^:{}\[\],\"'<>\x00-\x1f]*[^\s:{}\[\],\"'<>\x00-\x1f])?")


@dataclass(frozen=True)
class Style:
    """The names of the basic rules begin with `prefix`. `quote` stands around texts, `character` is one of theirs and
    `more` any number of them with the closing quote. `words` are the constants true, false and null. `rules` are the
    basic rules where they are not JSON's."""

    prefix: str = ""
    quote: str = '"'
    character: str = r'([^"\\\x00-\x1f] | "\\" escape)'
    more: str = "chars"
    comma: str = f'"," {ebnf.SPACE}'
    space: str = ebnf.SPACE
    words: tuple[str, str, str] = ("true", "false", "null")
    bare_keys: bool = False
    rules: Mapping[str, str] = field(default_factory=dict)

    def name(self, kind: str) -> str:
        """The rule for all values of a type, or "value" for all there are."""
        return kind if kind in ("integer", "number") else f"{self.prefix}{kind}"

    def write(self, value: Any) -> str:
        """A constant as text."""
        match value:
            case True | False | None if isinstance(value, bool | None):
                return self.words[2 if value is None else 0 if value else 1]
            case str():
                return self.text(value)
            case list():
                return "[" + self.separator.join(self.write(each) for each in value) + "]"
            case dict():
                return "{" + self.separator.join(f"{self.key(k)}{self.write(v)}" for k, v in value.items()) + "}"
        return json.dumps(value)

    @property
    def separator(self) -> str:
        return "," if self.bare_keys else ", "

    def text(self, value: str) -> str:
        """A text in its quotes; in JSON's where it holds the style's own."""
        if self.quote == '"' or self.quote in value:
            return json.dumps(value, ensure_ascii=False)
        return f"{self.quote}{value}{self.quote}"

    def key(self, name: str) -> str:
        """The name of a member, up to its value."""
        if not self.bare_keys:
            return f"{json.dumps(name, ensure_ascii=False)}: "
        return f"{name if _BARE_KEY.fullmatch(name) else self.text(name)}:"

    def key_expression(self, name: str) -> str:
        """The same as an expression, white space before the value optional."""
        return f"{ebnf.literal(self.key(name).rstrip())} {self.space}".rstrip()

    def quoted(self, body: str) -> str:
        """An expression for a text whose inner part is `body`."""
        return f"{ebnf.literal(self.quote)} {body} {ebnf.literal(self.quote)}"


JSON = Style()
PYTHON = Style(
    prefix="python_",
    words=("True", "False", "None"),
    rules={
        "python_string": "string",
        "python_boolean": '"True" | "False"',
        "python_null": '"None"',
        "python_value": "string | number | python_boolean | python_null | python_object | python_array",
        "python_object": r'"{" ("}" | python_pair python_pairs)',
        "python_pairs": rf'"}}" | "," {ebnf.SPACE} python_pair python_pairs',
        "python_pair": rf'string ":" {ebnf.SPACE} python_value',
        "python_array": r'"[" ("]" | python_value python_values)',
        "python_values": rf'"]" | "," {ebnf.SPACE} python_value python_values',
    },
)


def _marked(prefix: str, mark: str) -> Style:
    p = prefix
    return Style(
        prefix=p,
        quote=mark,
        character=r'[^"\\\x00-\x1f<]',
        more=f"{p}rest",
        comma='","',
        space="",
        bare_keys=True,
        rules={
            f"{p}rest": ebnf.until(mark),
            f"{p}string": f"{ebnf.literal(mark)} {p}rest",
            f"{p}boolean": "boolean",
            f"{p}null": "null",
            f"{p}value": f"{p}string | number | boolean | null | {p}object | {p}array",
            f"{p}object": rf'"{{" ("}}" | {p}pair {p}pairs)',
            f"{p}pairs": rf'"}}" | "," {p}pair {p}pairs',
            f"{p}pair": f'[a-zA-Z_] [a-zA-Z0-9_]* ":" {p}value',
            f"{p}array": rf'"[" ("]" | {p}value {p}values)',
            f"{p}values": rf'"]" | "," {p}value {p}values',
        },
    )


GEMMA = _marked("gemma_", '<|"|>')
FUNCTION_GEMMA = _marked("escape_", "<escape>")

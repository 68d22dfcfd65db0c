"""The forms that a client may ask an answer to have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class JsonForm:
    """A JSON value of `schema` (an object or true); without one, any JSON object."""

    schema: Mapping[str, Any] | bool | None = None


@dataclass(frozen=True)
class RegexForm:
    """A text that matches `pattern` as a whole."""

    pattern: str


@dataclass(frozen=True)
class GrammarForm:
    """A sentence of an EBNF grammar with the start rule `root`."""

    ebnf: str


@dataclass(frozen=True)
class ChoiceForm:
    """One of these texts."""

    choices: tuple[str, ...]


@dataclass(frozen=True)
class StructuralForm:
    """The `format` of an XGrammar structural tag."""

    format: Mapping[str, Any]


AnswerForm = JsonForm | RegexForm | GrammarForm | ChoiceForm | StructuralForm

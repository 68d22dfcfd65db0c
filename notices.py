"""A sentence for a person as a key and values, so that any language can put it into words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import msgspec

_ENGLISH = Path(__file__).resolve().parent / "locales" / "en.json"


class Notice(str):
    """English text, for logs and API errors, that knows its `key` in the catalogues and the `values` of its
    placeholders, some of which may be messages themselves."""

    key: str
    values: Mapping[str, Any]

    def __new__(cls, key: str, **values: object) -> Notice:
        plain = {name: value if isinstance(value, str | int | float) else str(value) for name, value in values.items()}
        made = super().__new__(cls, _english()[key].format(**plain))
        made.key, made.values = key, plain
        return made

    def __str__(self) -> str:
        return self  # so that `str(error)` is the message that the error was made with

    def __reduce__(self) -> tuple[Callable[..., Notice], tuple[str]]:
        return partial(Notice, **self.values), (self.key,)


class Phrase(msgspec.Struct, frozen=True):
    """A message as it crosses a process border or lies on disk: with its English text."""

    text: str
    key: str
    values: dict[str, str | int | float | Phrase] = {}


def joined(first: str, *others: str) -> str:
    """One sentence after another."""
    for each in others:
        first = Notice("notices.two", first=first, second=each)
    return first


def as_text(value: object) -> str:
    """As msgspec's `enc_hook`: a message is English text."""
    if isinstance(value, Notice):
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def as_phrase(value: object) -> Phrase:
    """As msgspec's `enc_hook`: a message is a `Phrase`."""
    if isinstance(value, Notice):
        values = {name: as_phrase(each) if isinstance(each, Notice) else each for name, each in value.values.items()}
        return Phrase(as_text(value), value.key, values)
    raise TypeError(f"{type(value).__name__} is no JSON")


def phrase_of(text: str | None) -> Phrase | None:
    return as_phrase(text) if isinstance(text, Notice) else None


def notice_of(phrase: str | Phrase) -> str:
    """What was encoded; only the text where another version knew messages that this one does not."""
    if isinstance(phrase, str):
        return phrase
    try:
        return Notice(phrase.key, **{name: _value(value) for name, value in phrase.values.items()})
    except (LookupError, ValueError, TypeError, AttributeError):
        return phrase.text


def restored(document: Any) -> Any:
    """A JSON document with messages again where it holds their phrases."""
    match document:
        case {"text": str(), "key": str(), "values": dict()}:
            return notice_of(msgspec.convert(document, Phrase))
        case dict():
            return {name: restored(value) for name, value in document.items()}
        case list():
            return [restored(value) for value in document]
    return document


def _value(value: str | int | float | Phrase) -> str | int | float:
    return notice_of(value) if isinstance(value, Phrase) else value


@lru_cache(maxsize=1)
def _english() -> dict[str, Any]:
    return json.loads(_ENGLISH.read_text(encoding="utf-8"))

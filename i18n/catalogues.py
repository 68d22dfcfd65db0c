"""What the page says, in each language: one flat JSON catalogue per language in `locales/`.

A message is a string with named placeholders (`{port}`), or a list of plural forms. Which form a number takes is the
catalogue's `language.plural`, a C expression in `n` as in gettext's Plural-Forms header. Adding a language is adding a
file. `notices.py` has what the `notices.` ones are.
"""

from __future__ import annotations

import gettext
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from notices import Notice
from web.errors import shortened

Entry = str | list[str]

DEFAULT_LANGUAGE = "zh-TW"
LANGUAGE_COOKIE = "language"
_LONGEST = 1000


@dataclass(frozen=True)
class Translator:
    """One language. `t(key, **values)` is the sentence; plural messages take the form that `n` asks for."""

    tag: str
    messages: Mapping[str, Entry]
    plural_form: Callable[[int], int] = field(repr=False, compare=False)

    def __call__(self, key: str, **values: object) -> str:
        message = self.messages[key]
        if isinstance(message, list):
            count = values.get("n")
            message = message[self.plural_form(count if isinstance(count, int) else 0)]
        return message.format(**values) if values else message

    def say(self, text: str) -> str:
        """A message of the rooms below in this language; any other text as it is."""
        if not isinstance(text, Notice) or text.key not in self.messages:
            return shortened(text, _LONGEST)
        values = {name: self.say(value) if isinstance(value, str) else value for name, value in text.values.items()}
        return self(text.key, **values)

    @property
    def name(self) -> str:
        return self("language.name")

    def group(self, prefix: str) -> dict[str, Entry]:
        """Every message under `prefix.`, for the scripts of a page."""
        return {key: message for key, message in self.messages.items() if key.startswith(prefix + ".")}


class Catalogues:
    def __init__(self, directory: Path, *, default: str = DEFAULT_LANGUAGE) -> None:
        self._translators = {path.stem: _read(path) for path in sorted(directory.glob("*.json"))}
        self.default = self._translators[default]

    @property
    def languages(self) -> list[Translator]:
        return list(self._translators.values())

    def get(self, tag: str) -> Translator | None:
        return self._translators.get(tag)

    def negotiate(self, request: Request, *, default: str | None = None) -> Translator:
        """The language of the cookie, else the best of Accept-Language, else `default`, else the catalogues' own."""
        chosen = self._translators.get(request.cookies.get(LANGUAGE_COOKIE, ""))
        if chosen is not None:
            return chosen
        for wanted in _accepted(request.headers.get("accept-language", "")):
            for tag, translator in self._translators.items():
                if _primary(tag) == _primary(wanted):
                    return translator
        return self._translators.get(default or "", self.default)


def _read(path: Path) -> Translator:
    messages: dict[str, Entry] = json.loads(path.read_text(encoding="utf-8"))
    # c2py is the standard library's own compiler of plural expressions; typeshed does not list it.
    compile_plural: Callable[[str], Callable[[int], int]] = getattr(gettext, "c2py")  # noqa: B009
    return Translator(path.stem, messages, compile_plural(str(messages["language.plural"])))


def _accepted(header: str) -> list[str]:
    """The tags of an Accept-Language header, best first; `*` and refused ones (q=0) are left out."""
    weighted: list[tuple[float, str]] = []
    for part in header.split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if tag and tag != "*" and weight > 0:
            weighted.append((weight, tag))
    return [tag for _, tag in sorted(weighted, key=lambda item: -item[0])]


def _primary(tag: str) -> str:
    return tag.split("-")[0].lower()

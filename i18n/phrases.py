"""Sentences that the rooms below write in English, in the reader's language.

What a supervisor, the registry, a downloader or a device server has to say travels as an English sentence: over
process borders, into lists on disk, into API answers. A catalogue holds a translation under `say.` and the sentence
with its changing parts in braces, as in "say.{file} is missing."; `{sentence}` may hold whole sentences, any other
part ends where a sentence does. A sentence without a translation is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from web.errors import shortened

PREFIX = "say."
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_WITHIN_A_SENTENCE = r"(?:(?![.?!] \S).)"
_LONGEST = 1000
_DEEPEST = 12
"""Of sentences within sentences."""
_BETWEEN_SENTENCES = re.compile(r"(?<=[.?!)]) (?=\S)")


class Phrasebook:
    """`phrases`: English sentence with placeholders → the same in another language."""

    def __init__(self, phrases: Mapping[str, str]) -> None:
        # The most particular first: "{a} Resume to try again." fits many sentences.
        ordered = sorted(phrases.items(), key=lambda pair: -len(_PLACEHOLDER.sub("", pair[0])))
        self._patterns = [(_pattern(english), translation) for english, translation in ordered]
        self._known = lru_cache(maxsize=2000)(self._say)

    def say(self, text: str) -> str:
        """`text` in the other language. One that repeats very much of what somebody said stays as it is, but for its
        end: such texts can be made so that finding out takes for ever."""
        return self._known(text, _DEEPEST) if len(text) <= _LONGEST else shortened(text, _LONGEST)

    def _say(self, text: str, depth: int) -> str:
        if depth == 0:
            return text
        said = self._whole(text, depth)
        if said is not None:
            return said
        cuts = [match.start() for match in _BETWEEN_SENTENCES.finditer(text)]
        for cut in reversed(cuts):
            first = self._whole(text[:cut], depth)
            if first is not None:
                return first + self._known(text[cut + 1 :], depth - 1)
        return text

    def _whole(self, text: str, depth: int) -> str | None:
        for pattern, translation in self._patterns:
            if match := pattern.fullmatch(text):
                values = {name: self._known(value, depth - 1) for name, value in match.groupdict().items()}
                return _PLACEHOLDER.sub(lambda found, values=values: values[found[1]], translation)
        return None


def _pattern(english: str) -> re.Pattern[str]:
    """A placeholder that stands twice holds the same both times."""
    seen: set[str] = set()
    parts: list[str] = []
    for index, part in enumerate(_PLACEHOLDER.split(english)):
        if index % 2 == 0:
            parts.append(re.escape(part))
        elif part in seen:
            parts.append(f"(?P={part})")
        else:
            seen.add(part)
            parts.append(f"(?P<{part}>{'.' if part == 'sentence' else _WITHIN_A_SENTENCE}+?)")
    return re.compile("".join(parts), re.DOTALL)

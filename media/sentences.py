"""A text in pieces that are spoken one after the other."""

from __future__ import annotations

import re

_LONGEST = 300
"""Characters; SpeechT5 was made for up to 600 tokens, which are letters."""
_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？；])|\n+")
_PAUSE = re.compile(r"(?<=[,;:])\s+|(?<=[，、：])")


def sentences(text: str) -> list[str]:
    """Nothing but white space is lost. A sentence longer than `_LONGEST` is cut at a comma, else between words."""
    found: list[str] = []
    for sentence in _split(_END, text):
        if len(sentence) <= _LONGEST:
            found.append(sentence)
            continue
        for part in _split(_PAUSE, sentence):
            found.extend(_words(part))
    return found


def _split(ends: re.Pattern[str], text: str) -> list[str]:
    pieces: list[str] = []
    start = 0
    for match in ends.finditer(text):
        pieces.append(text[start : match.end()])
        start = match.end()
    pieces.append(text[start:])
    return [piece.strip() for piece in pieces if piece.strip()]


def _words(text: str) -> list[str]:
    pieces: list[str] = []
    while len(text) > _LONGEST:
        space = text.rfind(" ", 1, _LONGEST)
        cut = space if space > 0 else _LONGEST
        pieces.append(text[:cut].strip())
        text = text[cut:].strip()
    return [*pieces, text] if text else pieces

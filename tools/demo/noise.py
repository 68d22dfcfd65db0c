"""Other ways to type the same question: politeness, synonyms, punctuation, spaces, slips of the finger."""

import random
import re

from . import corpus

_HAN = r"[\u4e00-\u9fff]"
_SPACE_BESIDE_HAN = re.compile(rf"(?<={_HAN}) (?=[A-Za-z0-9/])|(?<=[A-Za-z0-9]) (?={_HAN})")
_NO_SPACE_BESIDE_HAN = re.compile(rf"(?<={_HAN})(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?={_HAN})")
_WORDS = corpus.read("retyping")


def retype(text: str, language: str, random_: random.Random) -> str:
    """The wording as some other user might type it; the meaning stays, and so do {slots}."""
    text = text.rstrip("？?！!。. ") or text
    if random_.random() < 0.45:
        for _ in range(random_.choice((1, 1, 2))):
            text = _swap_synonym(text, language, random_)
    slotted = "{" in text
    if random_.random() < 0.12 and not slotted:
        text = _slip(text, language, random_)
    if random_.random() < 0.18:
        text = random_.choice(_WORDS["before"][language]) + text
    if random_.random() < 0.08:
        text += random_.choice(_WORDS["after"][language])
    text = _respace(text, random_) if language == "zh" else _recase(text, random_)
    if random_.random() < 0.02 and not slotted:
        text = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    text = text.strip() or "?"
    return text if text[-1] in "=" else text + random_.choice(_WORDS["end"][language])


def _swap_synonym(text: str, language: str, random_: random.Random) -> str:
    if language == "zh":
        usable = [old for old in _WORDS["synonyms"]["zh"] if old in text and len(text) > len(old) + 2]
        if not usable:
            return text
        old = random_.choice(usable)
        return text.replace(old, random_.choice(_WORDS["synonyms"]["zh"][old]), 1)
    words = f" {text.lower()} "
    usable = [old for old in _WORDS["synonyms"]["en"] if f" {old} " in words]
    if not usable or len(text) < 8:
        return text
    old = random_.choice(usable)
    new = random_.choice(_WORDS["synonyms"]["en"][old])
    start = words.index(f" {old} ")
    return " ".join((text[:start] + " " + new + " " + text[start + len(old) :]).split())


def _slip(text: str, language: str, random_: random.Random) -> str:
    if language == "en" and random_.random() < 0.4:
        words = text.split()
        if len(words) > 4:
            words.pop(random_.randrange(len(words)))
        return " ".join(words)
    if len(text) < 6:
        return text
    at = random_.randrange(1, len(text) - 1)
    kind = random_.random()
    if kind < 0.45:
        return text[:at] + text[at + 1 :]
    if kind < 0.75:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + text[at] + text[at:]


def _respace(text: str, random_: random.Random) -> str:
    kind = random_.random()
    if kind < 0.4:
        text = _SPACE_BESIDE_HAN.sub("", text)
    elif kind < 0.6:
        text = _NO_SPACE_BESIDE_HAN.sub(" ", text)
    if random_.random() < 0.15:
        text = text.lower()
    return text


def _recase(text: str, random_: random.Random) -> str:
    kind = random_.random()
    if kind < 0.5:
        return text[0].upper() + text[1:]
    if kind < 0.75:
        return text.lower()
    if kind < 0.78:
        return text.upper()
    return text

"""The demo model's question-and-answer text: reading the files and spelling out their wordings."""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CORPUS_DIR = Path(__file__).resolve().parent.parent / "demo_corpus"
LANGUAGES = ("zh", "en")
QUESTION_MARK = {"zh": "？", "en": "?"}
_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
_SPACE_BETWEEN_HAN = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef]) +(?=[\u3000-\u9fff\uff00-\uffef])")
_FILES_OF_ANOTHER_SHAPE = ("off_topic", "follow_ups", "tools", "settings", "retyping", "exercises", "names")


@dataclass(frozen=True)
class Topic:
    """One question with its answer: `asked` and `framed` are wordings to train on, `unseen` are kept for scoring."""

    id: str
    answer: dict[str, str]
    asked: dict[str, tuple[str, ...]]
    framed: dict[str, tuple[str, ...]]
    unseen: dict[str, tuple[str, ...]]


def read(name: str) -> Any:
    with (CORPUS_DIR / f"{name}.yaml").open(encoding="utf-8") as file:
        return yaml.safe_load(file)


def tidy(text: str) -> str:
    text = re.sub(r" +", " ", text).strip()
    text = re.sub(r"(?<=[「（]) | (?=[」），。？])", "", text)
    return _SPACE_BETWEEN_HAN.sub("", text)


def wordings(pattern: str) -> list[str]:
    """Every wording of a pattern in which `(a|b)` offers a choice."""
    parts = _CHOICE.split(pattern)
    choices = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    return list(dict.fromkeys(tidy("".join(pick)) for pick in itertools.product(*choices)))


def as_question(text: str, language: str) -> str:
    """The wording as a careful writer would type it: a capital first letter and a question mark."""
    if text[-1] not in "？?！!。.=":
        text += QUESTION_MARK[language]
    return text[0].upper() + text[1:] if language == "en" else text


def _framed() -> dict[str, dict[str, list[str]]]:
    """For each topic that explains a named thing: the general ways to ask about it, by language."""
    content = read("names")
    found: dict[str, dict[str, list[str]]] = {}
    for kind, frames in (("things", ("frames",)), ("identifiers", ("frames", "frames_of_identifiers"))):
        for topic, names in content[kind].items():
            by_language = found.setdefault(topic, {language: [] for language in LANGUAGES})
            for language, frame in itertools.product(LANGUAGES, frames):
                for name in names:
                    written = name[language] if isinstance(name, dict) else name
                    for pattern in content[frame][language]:
                        by_language[language] += [tidy(w.replace("{x}", f" {written} ")) for w in wordings(pattern)]
    return found


def topics() -> list[Topic]:
    """All topics of the question files, in a stable order."""
    found: list[Topic] = []
    framed = _framed()
    for path in sorted(CORPUS_DIR.glob("*.yaml")):
        if path.stem in _FILES_OF_ANOTHER_SHAPE:
            continue
        for entry in read(path.stem):
            unseen = {language: tuple(entry[f"{language}_unseen"]) for language in LANGUAGES}
            found.append(
                Topic(
                    id=entry["id"],
                    answer={language: entry[language] for language in LANGUAGES},
                    asked={
                        language: tuple(
                            wording
                            for pattern in entry[f"{language}_ask"]
                            for wording in wordings(pattern)
                            if wording not in unseen[language]
                        )
                        for language in LANGUAGES
                    },
                    framed={
                        language: tuple(
                            wording
                            for wording in framed.get(entry["id"], {}).get(language, ())
                            if wording not in unseen[language]
                        )
                        for language in LANGUAGES
                    },
                    unseen=unseen,
                )
            )
    names = [topic.id for topic in found]
    if len(set(names)) != len(names):
        raise ValueError(f"a topic id occurs twice: {sorted(name for name in names if names.count(name) > 1)}")
    return found

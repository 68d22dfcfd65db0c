"""What the rooms below say in English has a translation in every other catalogue."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from i18n.catalogues import Catalogues
from i18n.phrases import Phrasebook

PROJECT = Path(__file__).resolve().parents[2]
CATALOGUES = Catalogues(PROJECT / "locales")
OTHERS = [each for each in CATALOGUES.languages if each.tag != "en"]
SOURCES = [
    *(PROJECT / "registry").glob("*.py"),
    PROJECT / "model_registry.py",
    *(
        PROJECT / "supervision" / name
        for name in ("device_supervisor.py", "gateway_supervisor.py", "server_supervisor.py", "suite.py")
    ),
    PROJECT / "hardware" / "devices.py",
    *(
        PROJECT / "model_files" / name
        for name in (
            "embedding_facts.py",
            "gguf_support.py",
            "model_facts.py",
            "model_kind.py",
            "npu_rules.py",
            "quantization.py",
        )
    ),
    PROJECT / "web" / "limits.py",
    PROJECT / "web" / "listening.py",
    PROJECT / "tuning" / "tune.py",
    PROJECT / "admin" / "api" / "tuning.py",
]
# Written to a log or said on the command line only.
NOT_ON_THE_PAGE = (
    "started on port",
    "does not answer /health",
    "Devices OpenVINO finds",
    "Its fallback",
    "There is no device",
)


def sentences(path: Path) -> Iterator[str]:
    """The string constants and f-strings that end like a sentence, with X1, X2, … for their changing parts."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(part) for node in ast.walk(tree) for part in _parts_to_skip(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = enumerate(node.values)
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else f"X{n}" for n, part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        sentence = " " in text and len(text) > 14 and text.rstrip().endswith((".", "?"))
        if sentence and "\\" not in text and not any(part in text for part in NOT_ON_THE_PAGE):
            yield text


def _parts_to_skip(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value  # a docstring
    if isinstance(node, ast.JoinedStr):
        yield from node.values
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        called = node.func.value
        if isinstance(called, ast.Name) and called.id == "logger":
            yield from ast.walk(node)


@pytest.mark.parametrize("t", OTHERS, ids=lambda t: t.tag)
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_sentence_is_translated(path: Path, t) -> None:
    missing = [text for text in sentences(path) if t.say(text) == text]
    assert not missing


def test_parts_are_translated_too() -> None:
    t = CATALOGUES.get("zh-TW")
    assert t is not None
    taken = "Port 11435 on 127.0.0.1 is already used by another program."
    sentence = f"{taken} Stop that program, or give gpu another port in device_config.json."
    assert t.say(sentence).startswith("127.0.0.1 的埠 11435 已被其他程式使用。請關閉該程式")
    assert t.say("a.bin is missing. b.bin is missing.") == "缺少 a.bin。缺少 b.bin。"


def test_very_long_sentences_are_cut_and_not_looked_through() -> None:
    book = Phrasebook({"{file} is missing.": "No hay {file}."})
    said = book.say(f"{'x' * 1_000_000} is missing.")
    assert said.endswith("xxx is missing.")
    assert len(said) == 1000


def test_sentences_within_sentences_come_to_an_end() -> None:
    book = Phrasebook({"not {more}": "no {more}"})
    assert book.say("not a") == "no a"
    said = book.say("not " * 249 + "a")
    assert said.startswith("no no no ")
    assert said.endswith("not not a")


def test_what_has_no_translation_stays() -> None:
    book = Phrasebook({"{file} is missing.": "No hay {file}."})
    assert book.say("Something else.") == "Something else."
    assert book.say("x is missing. Something else.") == "No hay x.Something else."

"""What the rooms below say: every message is in the catalogues, fits its placeholders, and survives every border."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import string
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from i18n.catalogues import Catalogues
from notices import Notice, Phrase, as_phrase, as_text, joined, notice_of

PROJECT = Path(__file__).resolve().parents[1]
CATALOGUES = Catalogues(PROJECT / "locales")
ENGLISH = json.loads((PROJECT / "locales" / "en.json").read_text(encoding="utf-8"))
SOURCES = [
    path
    for folder in PROJECT.iterdir()
    if folder.is_dir() and folder.name not in ("tests", "benchmarks", "tools", "deploy", ".venv")
    for path in folder.rglob("*.py")
] + list(PROJECT.glob("*.py"))
SENTENCE = Notice("notices.resume_to_try_again", sentence=Notice("notices.downloader_ended", exit="signal SIGKILL"))


def calls() -> Iterator[tuple[str, set[str], str]]:
    """Key (up to where it is computed), names of the values, and place of every message that the code makes."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "Notice"
                and node.args
            ):
                first = node.args[0]
                if isinstance(first, ast.JoinedStr):
                    first = first.values[0]
                if isinstance(first, ast.Constant) and str(first.value).startswith("notices."):
                    computed = first is not node.args[0]
                    values = {str(keyword.arg) for keyword in node.keywords}
                    yield str(first.value) + "*" * computed, values, f"{path.name}:{node.lineno}"


CALLS = list(calls())


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_notice_is_in_the_catalogue_with_its_placeholders() -> None:
    assert len(CALLS) > 150
    for key, values, place in CALLS:
        if key.endswith("*"):
            assert any(known.startswith(key[:-1]) for known in ENGLISH), place
        else:
            assert placeholders(ENGLISH[key]) == values, place


def test_no_notice_in_the_catalogue_is_left_over() -> None:
    keys = {key for key, _, _ in CALLS}
    computed = tuple(key[:-1] for key in keys if key.endswith("*"))
    known = {key for key in ENGLISH if key.startswith("notices.")}
    assert {key for key in known - keys if not key.startswith(computed)} == set()


@pytest.mark.parametrize("t", CATALOGUES.languages, ids=lambda t: t.tag)
def test_notices_within_notices_are_in_the_readers_language(t) -> None:
    said = {"en": "The downloader ended unexpectedly (signal SIGKILL). Resume to try again."}
    said["zh-TW"] = "下載程式意外結束（signal SIGKILL）。可按「重試」繼續。"
    assert t.say(SENTENCE) == said[t.tag]
    assert t.say("no notice") == "no notice"


def test_an_error_gives_back_the_message_it_was_made_with() -> None:
    assert isinstance(str(ValueError(SENTENCE)), Notice)
    assert SENTENCE == "The downloader ended unexpectedly (signal SIGKILL). Resume to try again."


@pytest.mark.parametrize("again", [copy.deepcopy, lambda message: pickle.loads(pickle.dumps(message))])
def test_a_copy_is_a_message_too(again) -> None:
    assert (again(SENTENCE), again(SENTENCE).values) == (SENTENCE, SENTENCE.values)


def test_a_message_crosses_a_border_as_key_and_values() -> None:
    line = msgspec.json.encode(SENTENCE, enc_hook=as_phrase)
    there = notice_of(msgspec.json.decode(line, type=str | Phrase))
    zh = CATALOGUES.get("zh-TW")
    assert zh is not None
    assert zh.say(there) == zh.say(SENTENCE)
    assert msgspec.json.decode(msgspec.json.encode([SENTENCE], enc_hook=as_text)) == [SENTENCE]


def test_a_message_of_another_version_is_its_english_text() -> None:
    assert notice_of(Phrase("What is new.", "notices.of_tomorrow")) == "What is new."
    assert notice_of(Phrase("Lacks a value.", "notices.file_missing")) == "Lacks a value."
    assert notice_of("An old list on disk.") == "An old list on disk."


def test_sentences_follow_each_other() -> None:
    zh = CATALOGUES.get("zh-TW")
    assert zh is not None
    both = joined(Notice("notices.file_missing", file="a.bin"), Notice("notices.file_missing", file="b.bin"))
    assert both == "a.bin is missing. b.bin is missing."
    assert zh.say(both) == "缺少 a.bin。缺少 b.bin。"

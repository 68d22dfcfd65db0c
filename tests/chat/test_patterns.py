"""Patterns of JSON schemas: what the grammar allows is what the pattern matches."""

import json
import re

import pytest

from chat.grammars.json_schema import JsonGrammar
from chat.grammars.patterns import UnsupportedPattern, pattern_rule
from instances.protocol import Grammar
from tests.chat.conftest import Sample


@pytest.mark.parametrize(
    "pattern",
    [
        r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        r"^\d{4}-\d{2}-\d{2}$",
        r"^[a-z][a-z0-9_-]{0,9}$",
        r"^[^0-9]{3}$",
        r"^(?:ab|cd)+x?$",
        r"^\w+@\w+\.(com|tw)$",
        r"^#[0-9a-fA-F]{6}$",
        r"^a$|^bc$",
        r"^x",
        r"^.{2,4}$",
        r"^\$\d+(\.\d{2})?$",
        r"^[\w.\-\]^]{1,5}$",
        r"^[-+]?\d+?$",
        r"^台[北中南]$",
        r"^$",
    ],
)
def test_samples_match(pattern: str, sample: Sample) -> None:
    grammar = JsonGrammar()
    structure = Grammar(grammar.text(grammar.add({"type": "string", "pattern": pattern})))
    answers = [answer for seed in range(10) if (answer := sample(structure, seed)) is not None]
    assert answers
    for answer in answers:
        assert re.search(pattern, json.loads(answer)), answer


def test_what_is_not_anchored_may_stand_anywhere() -> None:
    free = r'[^"\\\x00-\x1f]*'
    assert pattern_rule("y$") == f'{free} "y"'
    assert pattern_rule("^x|y") == f'("x" {free} | {free} "y" {free})'


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "[",
        "a{2",
        "a{99}",
        "a{3,2}",
        "*",
        r"\\",
        r"\bx",
        "(?=a)",
        "(?<n>a)",
        "a$b",
        "(a$)",
        "(^a)",
        '"',
        "x" * 300,
    ],
)
def test_what_cannot_be_said_is_left_to_others(pattern: str) -> None:
    with pytest.raises(UnsupportedPattern):
        pattern_rule(pattern)

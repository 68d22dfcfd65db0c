"""docs/command-line.md says what the command line takes."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest

from commands.options import COMMANDS, EXIT_CODES, command_parser, parse_command
from tests.docs.pages import PROJECT, code_blocks, text_of

PAGE = PROJECT / "docs" / "command-line.md"
PARSERS: dict[str, argparse.ArgumentParser] = next(
    dict(action.choices) for action in command_parser()._actions if isinstance(action, argparse._SubParsersAction)
)


def options_in(section: str) -> set[str]:
    return set(re.findall(r"^\| `(--[\w-]+)", section, re.M))


def section(heading: str) -> str:
    text = text_of(PAGE)
    start = re.search(rf"^#+ {re.escape(heading)}\b.*$", text, re.M)
    assert start is not None, heading
    return re.split(r"^#+ ", text[start.end() :], maxsplit=1, flags=re.M)[0]


@pytest.mark.parametrize("name", PARSERS)
def test_every_command_and_option_is_described(name: str) -> None:
    options = {option for action in PARSERS[name]._actions for option in action.option_strings if option[:2] == "--"}
    common = options_in(section("Options of every command"))
    assert options_in(section(name)) == options - common
    assert common <= options
    operands = [action.dest.upper() for action in PARSERS[name]._actions if not action.option_strings]
    assert re.search(rf"^### {' '.join([name, *operands])}$", text_of(PAGE), re.M)


def test_no_other_command_is_described() -> None:
    assert set(re.findall(r"^### (\w+)", text_of(PAGE), re.M)) == set(COMMANDS) - {"serve"}


def test_every_exit_code_is_described() -> None:
    described = set(re.findall(r"^\| (\d+) \|", section("Exit codes"), re.M))
    assert described == set(re.findall(r"(?:^|  )(\d+) +\w", EXIT_CODES, re.M))


def test_every_example_is_taken() -> None:
    lines = [line for block in code_blocks(PAGE, "bash") for line in block.splitlines()]
    assert lines
    for line in lines:
        parse_command(shlex.split(line.partition(" < ")[0].removeprefix("python3 bootstrap.py ")))

"""docs/clients.md: its examples can be read, and the versions it names are those that the tests use."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest
import yaml

from configuration.device_config import DEFAULT_PORTS
from tests.docs.pages import PROJECT, code_blocks, text_of

PAGE = PROJECT / "docs" / "clients.md"
LOCK = PROJECT / "tests" / "clients" / "js" / "package-lock.json"


def rows() -> dict[str, list[str]]:
    """The table of tested clients, by the first cell."""
    lines = text_of(PAGE).split("## Tested clients", 1)[1].split("\n## ", 1)[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {row[0]: row[1:] for row in cells[1:]}


def test_examples_are_valid() -> None:
    for code in code_blocks(PAGE, "python"):
        ast.parse(code)
    for code in code_blocks(PAGE, "json"):
        assert json.loads(code)
    for code in code_blocks(PAGE, "yaml"):
        assert yaml.safe_load(code)


@pytest.mark.parametrize("package", ["openai", "ollama", "ai"])
def test_versions_of_javascript_clients_are_those_of_the_lock_file(package: str) -> None:
    packages: dict[str, Any] = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    (row,) = (cells for name, cells in rows().items() if re.match(rf"\[{package}\].*\((JavaScript|Vercel)\)$", name))
    assert row[0] == packages[f"node_modules/{package}"]["version"]


def test_addresses_are_those_of_the_devices() -> None:
    ports = set(re.findall(r"http://127\.0\.0\.1:(\d+)", text_of(PAGE)))
    assert ports <= {str(port) for port in DEFAULT_PORTS.values()}


def test_every_client_says_how_it_was_tried() -> None:
    for name, (version, how, tried, _) in rows().items():
        assert tried, name
        assert (how == "by command") <= bool(version), name

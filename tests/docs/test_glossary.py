"""No class, function or module has a name that docs/glossary.md rules out; each class name means one thing."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.docs.pages import PROJECT

ROWS = re.findall(
    r"^\| \*\*(.+?)\*\* \| .+? \| (.*?) ?\|$", (PROJECT / "docs" / "glossary.md").read_text("utf-8"), re.M
)
RULED_OUT = {name for _, names in ROWS for name in names.split(", ") if name}
ELSEWHERE = ("tests", "benchmarks", "tools", ".venv", "static")
SOURCES = [
    path
    for path in PROJECT.rglob("*.py")
    if not any(part in ELSEWHERE or part.startswith(".") for part in path.relative_to(PROJECT).parts)
]
CLASSES: defaultdict[str, list[Path]] = defaultdict(list)
FUNCTIONS: set[str] = set()
for source in SOURCES:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            CLASSES[node.name].append(source)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            FUNCTIONS.add(node.name)


def test_the_glossary_is_in_order() -> None:
    terms = [term.lower() for term, _ in ROWS]
    assert terms == sorted(terms)
    assert len(RULED_OUT) > 10


def test_no_name_is_one_that_is_ruled_out() -> None:
    modules = {path.stem for path in SOURCES}
    used = set(CLASSES) | FUNCTIONS | modules
    snake = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in RULED_OUT}
    assert not (RULED_OUT | snake) & used


def test_a_public_class_name_means_one_thing() -> None:
    twice = {name: paths for name, paths in CLASSES.items() if len(paths) > 1 and not name.startswith("_")}
    assert not twice

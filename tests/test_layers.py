"""The layer order that docs/architecture.md states holds: no import runs upward, none in a circle."""

from __future__ import annotations

import ast
import graphlib
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
TEXT = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
LAYERS = [line.split() for line in TEXT.split("## Packages")[1].split("```")[1].strip().splitlines()]
HEIGHT = {name: -index for index, layer in enumerate(LAYERS) for name in layer}
FILES = {
    ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
    for name in HEIGHT
    for path in ([PROJECT / f"{name}.py"] if (PROJECT / f"{name}.py").exists() else (PROJECT / name).rglob("*.py"))
}


def imports(module: str) -> set[str]:
    """The product's modules that `module` imports anywhere, in functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in FILES and name != module}


GRAPH = {module: imports(module) for module in FILES}


def test_every_package_has_its_layer() -> None:
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    modules = {path.stem for path in PROJECT.glob("*.py")} - {"bootstrap"}
    assert packages | modules == set(HEIGHT)


@pytest.mark.parametrize("package", HEIGHT)
def test_no_import_runs_upward(package: str) -> None:
    for module, others in GRAPH.items():
        if module.split(".")[0] == package:
            for other in others:
                target = other.split(".")[0]
                assert target == package or HEIGHT[target] < HEIGHT[package], f"{module} imports {other}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    list(graphlib.TopologicalSorter(GRAPH).static_order())  # raises CycleError, which names them


def test_the_table_lists_every_package() -> None:
    section = TEXT.split("## Packages")[1].split("\n## ")[0]
    assert set(HEIGHT) <= set(re.findall(r"`(\w+)(?:/|\.py)`", section))

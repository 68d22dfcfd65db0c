"""docs/api.md says what the code does: every route, every field of every request."""

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from tests.apis.conftest import make_app
from tests.helpers import http

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"
_HEADING = re.compile(r"^### ([A-Z, ]+) (/.*)$", re.MULTILINE)
_ROW = re.compile(r"^\| `([^`]+)` \| (yes|partly|refused|ignored) \|", re.MULTILINE)


def _documented() -> dict[tuple[str, str], dict[str, str]]:
    """Each method and path with its fields and what is said of them."""
    parts = _HEADING.split(DOCUMENT.read_text(encoding="utf-8"))[1:]
    return {
        (method, path): dict(_ROW.findall(text))
        for methods, paths, text in zip(parts[0::3], parts[1::3], parts[2::3], strict=True)
        for method in methods.split(", ")
        for path in paths.split(", ")
    }


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], set[str]]:
    """Each method and path of the app with the fields of its request body."""
    app: FastAPI = make_app(tmp_path_factory.mktemp("documented"))
    found: dict[tuple[str, str], set[str]] = {}
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            found[method.upper(), path] = set(_body(operation).get("properties", {}))
    return found


def _body(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    return next(iter(content.values()), {}).get("schema", {})


def test_every_route_is_described(routes: dict[tuple[str, str], set[str]]) -> None:
    assert set(_documented()) == set(routes)


def test_every_field_is_described(routes: dict[tuple[str, str], set[str]]) -> None:
    for route, fields in _documented().items():
        effective = {field for field, support in fields.items() if support != "ignored"}
        assert effective == routes[route], route
        assert not routes[route] & {field for field, support in fields.items() if support == "ignored"}, route


def test_the_schema_is_served(scripted: str) -> None:
    assert http.get(f"{scripted}/openapi.json").status_code == 200

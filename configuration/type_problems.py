"""What pydantic says of a value, as a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from notices import Notice

_KINDS = {
    "int": "integer",
    "float": "number",
    "string": "string",
    "bool": "boolean",
    "list": "list",
    "dict": "dictionary",
}
_BOUNDS = {
    "greater_than_equal": ("at_least", "ge"),
    "greater_than": ("more_than", "gt"),
    "less_than_equal": ("at_most", "le"),
}


def type_problem(error: ErrorDetails | Mapping[str, Any]) -> str:
    """Without a full stop: it must be …; in pydantic's own words where there is no such message."""
    kind = error["type"]
    if kind == "missing":
        return Notice("notices.config_field_missing")
    if kind in _BOUNDS:
        name, field = _BOUNDS[kind]
        return Notice(f"notices.must_be_{name}", limit=error.get("ctx", {})[field])
    name = _KINDS.get(kind.partition("_")[0]) if kind.endswith("_type") else None
    return Notice(f"notices.must_be_{name}") if name else error["msg"].replace("Input should", "it must", 1)

"""Calls written as Python: `[weather(city="Paris", days=2), now()]`."""

import ast
from typing import Any

from chat.dialects.dialect import Call, Reading, Tools
from chat.dialects.json_text import made_call

_JSON_NAMES = {"true": True, "false": False, "null": None}


def read_pythonic(text: str, tools: Tools) -> Reading | None:
    """A list of calls, or one call, with keyword arguments that are literals. Nothing is evaluated."""
    del tools
    source = text.strip()
    try:
        tree = ast.parse(source, mode="eval").body
        nodes = tree.elts if isinstance(tree, ast.List | ast.Tuple) else [tree]
        calls = tuple(_call(node) for node in nodes)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return Reading(calls) if calls else None


def _call(node: ast.expr) -> Call:
    if not isinstance(node, ast.Call) or node.args:
        raise ValueError("not a call with keyword arguments")
    name = ast.unparse(node.func)
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError("not a plain name")
    arguments = {keyword.arg: _value(keyword.value) for keyword in node.keywords if keyword.arg}
    return made_call(name, arguments)


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name) if name in _JSON_NAMES:
            return _JSON_NAMES[name]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {str(ast.literal_eval(key)): _value(value) for key, value in zip(keys, values, strict=True) if key}
    value = ast.literal_eval(node)
    if not isinstance(value, str | int | float | bool | None):
        raise ValueError("not a JSON value")
    return value

"""YAML whose root is a mapping in block style: its own scalars, and items of its lists that have a `name`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from clients.settings_text import REMOVED, CannotEdit, SettingPath

NAMED = "name="
"""Begins the second key of a path to an item of a list: ("models", "name=OpenVINO")."""


class YamlText:
    def read(self, text: str) -> Any:
        """Lists whose items all have a name of their own are mappings from it here."""
        try:
            data = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise CannotEdit(f"it is not YAML: {str(error).splitlines()[0]}") from error
        if not isinstance(data, dict):
            return data
        return {key: _by_name(value) if isinstance(value, list) else value for key, value in data.items()}

    def edit(self, text: str, values: Mapping[SettingPath, Any]) -> str:
        for path, value in values.items():
            if len(path) == 1:
                text = _with_scalar(text, path[0], value)
            else:
                text = _with_item(text, path[0], path[1].removeprefix(NAMED), value)
        return text


def _by_name(items: list[Any]) -> Any:
    names = [f"{NAMED}{item['name']}" for item in items if isinstance(item, dict) and "name" in item]
    return dict(zip(names, items, strict=True)) if len(set(names)) == len(items) else items


def _root(text: str) -> yaml.MappingNode | None:
    """None where there is nothing in it."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise CannotEdit("it does not hold settings by name, one a line")
    return root


def _find(text: str, key: str) -> tuple[Any, Any] | None:
    root = _root(text)
    return next(((name, value) for name, value in (root.value if root else ()) if name.value == key), None)


def _with_scalar(text: str, key: str, value: Any) -> str:
    found = _find(text, key)
    if found is None:
        return text if value is REMOVED else _appended(text, yaml.safe_dump({key: value}, **_PLAIN))
    name, node = found
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
        raise CannotEdit(f"{key} is not a plain value")
    start, end = name.start_mark.index, node.end_mark.index
    if value is REMOVED:
        stop = text.find("\n", end)
        return text[:start] + ("" if stop < 0 else text[stop + 1 :])
    return text[:start] + yaml.safe_dump({key: value}, **_PLAIN).rstrip("\n") + text[end:]


def _with_item(text: str, key: str, name: str, value: Any) -> str:
    if (found := _find(text, key)) is None:
        return text if value is REMOVED else _appended(text, f"{key}:\n{_item(value, '  ')}")
    node = found[1]
    empty = isinstance(node, yaml.ScalarNode) and node.value in ("", "null", "~")
    if empty or (isinstance(node, yaml.SequenceNode) and not node.value):
        if value is REMOVED:
            return text
        item = _item(value, "  ").rstrip()
        return f"{text[: found[0].start_mark.index]}{key}:\n{item}{text[node.end_mark.index :]}"
    if not isinstance(node, yaml.SequenceNode) or node.flow_style:
        raise CannotEdit(f"{key} is not a list with one item a line")
    items: Any = node.value
    starts = [_line(text, item.start_mark.index) for item in items]
    indent = " " * node.start_mark.column
    for index, item in enumerate(items):
        if isinstance(item, yaml.MappingNode) and any(k.value == "name" and v.value == name for k, v in item.value):
            last = text[starts[index] : item.end_mark.index].rstrip()
            end = starts[index] + len(last) + 1
            return text[: starts[index]] + ("" if value is REMOVED else _item(value, indent)) + text[end:]
    return text if value is REMOVED else text[: starts[0]] + _item(value, indent) + text[starts[0] :]


_PLAIN: dict[str, Any] = {"allow_unicode": True, "sort_keys": False, "width": 1000}


def _item(value: Any, indent: str) -> str:
    lines = yaml.safe_dump([value], **_PLAIN).splitlines()
    return "".join(f"{indent}{line}\n" for line in lines)


def _line(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _appended(text: str, more: str) -> str:
    return text + ("" if not text or text.endswith("\n") else "\n") + more

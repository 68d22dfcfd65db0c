"""TOML, changed by tomlkit, which keeps comments and layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable, Table

from clients.settings_text import REMOVED, CannotEdit, SettingPath


class TomlText:
    def read(self, text: str) -> Any:
        return _parse(text).unwrap()

    def edit(self, text: str, values: Mapping[SettingPath, Any]) -> str:
        document = _parse(text)
        try:
            for path, value in values.items():
                _set(document, path, value)
            return tomlkit.dumps(document)
        except (TOMLKitError, TypeError, ValueError, LookupError) as error:
            raise CannotEdit(str(error)) from error


def _parse(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except (TOMLKitError, ValueError) as error:
        raise CannotEdit(f"it is not TOML: {error}") from error


def _set(document: tomlkit.TOMLDocument, path: SettingPath, value: Any) -> None:
    *outer, last = path
    table: Container | AbstractTable = document
    for depth, key in enumerate(outer):
        if key not in table:
            if value is REMOVED:
                return
            table[key] = tomlkit.table(is_super_table=depth < len(outer) - 1 or isinstance(value, dict))
        inner = table[key]
        if not isinstance(inner, (AbstractTable, Container)):
            raise CannotEdit(f"{key} is not a table")
        table = inner
    if value is REMOVED:
        table.pop(last, None)
    elif isinstance(value, dict) and not isinstance(table.get(last), AbstractTable):
        table[last] = _table(value)
    elif isinstance(value, dict):
        _update(table[last], value)
    else:
        table[last] = value


def _table(values: dict[str, Any]) -> Table:
    table = tomlkit.table()
    for key, value in values.items():
        table[key] = value
    return table


def _update(table: Any, values: dict[str, Any]) -> None:
    for key in [key for key in table if key not in values]:
        del table[key]
    for key, value in values.items():
        if key not in table or table[key] != value:
            table[key] = value

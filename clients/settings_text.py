"""Settings in a client's configuration file, changed in its text: all else stays as its owner wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

SettingPath = tuple[str, ...]
"""The keys down to a setting."""


class _Removed:
    """A setting that is to be taken away."""

    def __repr__(self) -> str:
        return "REMOVED"


REMOVED: Final = _Removed()


class CannotEdit(Exception):
    """The file holds something that cannot be changed safely; the text says what."""


class SettingsText(Protocol):
    """One format. `text` has "\\n" ends of lines and no byte order mark."""

    def read(self, text: str) -> Any:
        """What it holds, in plain objects. Raises `CannotEdit` where it cannot be read."""
        ...

    def edit(self, text: str, values: Mapping[SettingPath, Any]) -> str:
        """Raises `CannotEdit`."""
        ...


def value_at(data: Any, path: SettingPath) -> Any:
    """`REMOVED` where there is none."""
    for key in path:
        if not isinstance(data, dict) or key not in data:
            return REMOVED
        data = data[key]
    return data


def with_values(data: Any, values: Mapping[SettingPath, Any]) -> Any:
    """A copy of `data` with these settings. Objects on the way are made; those that lose their last setting stay."""
    if not values:
        return data
    copy = dict(data or {})
    for (key, *rest), value in values.items():
        if rest:
            if key not in copy and value is REMOVED:
                continue
            inner = copy.get(key)
            if inner is not None and not isinstance(inner, dict):
                raise CannotEdit(f"{key} is not an object")
            copy[key] = with_values(inner, {tuple(rest): value})
        elif value is REMOVED:
            copy.pop(key, None)
        else:
            copy[key] = value
    return copy


def edited(form: SettingsText, text: str, values: Mapping[SettingPath, Any]) -> str:
    """The text with these settings, and nothing else changed: what it then holds is compared. Raises `CannotEdit`."""
    before = form.read(text)
    if before is not None and not isinstance(before, dict):
        raise CannotEdit("it does not hold settings by name")
    after = form.edit(text, values)
    if _without_empty(form.read(after), values) != _without_empty(with_values(before, values), values):
        raise CannotEdit("its settings cannot be told apart")
    return after


def _without_empty(data: Any, values: Mapping[SettingPath, Any]) -> Any:
    """Objects that a removal leaves empty may stay or go."""
    for path in values:
        for length in range(len(path) - 1, 0, -1):
            if value_at(data, path[:length]) == {}:
                data = with_values(data, {path[:length]: REMOVED})
    return data or {}

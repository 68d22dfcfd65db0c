"""Reading and writing `device_config.json`: which device servers there are and which models each of them offers."""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from configuration.schema import Configuration, DeviceSettings, ModelAlias, ModelAssignment
from configuration.type_problems import type_problem
from notices import Notice
from storage.files import read_bytes, write_atomically
from storage.json_source import JsonSource, JsonSourceError, Location, read_json
from storage.json_store import JsonStore

__all__ = [
    "DEFAULT_PORTS",
    "DEMO_MODEL_ID",
    "ConfigError",
    "ConfigStore",
    "Configuration",
    "DeviceSettings",
    "ModelAlias",
    "ModelAssignment",
    "default_configuration",
    "parse_configuration",
]

DEFAULT_PORTS = {"gpu": 11435, "npu": 11436}
DEMO_MODEL_ID = "demo/server-guide"

MAX_BYTES = 5_000_000
"""Of a file that is written; every listing and every page carries parts of it."""
_ROOT_RULE = (
    'every root key names a device and its value is an object like {"port": 11435, "device": "GPU", "models": []}'
)


def _with_remedy(problem: str) -> str:
    return Notice("notices.config_remedy", problem=problem)


class ConfigError(Exception):
    """The configuration cannot be used. `str()` is one paragraph for a person: file, line, field, what to do."""

    def __init__(
        self,
        path: Path,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        field: str | None = None,
    ) -> None:
        self.path = path
        self.message = message
        self.line = line
        self.column = column
        self.field = field
        super().__init__(path, message, line, column, field)

    def __str__(self) -> str:
        place = [str(self.path)]
        if self.line is not None:
            place.append(f"line {self.line}")
        if self.column is not None:
            place.append(f"column {self.column}")
        if self.field:
            place.append(f"field {self.field}")
        return f"{', '.join(place)}: {self.message}"


def default_configuration(demo_path: str) -> Configuration:
    """Both devices of an Intel PC, each with the bundled demo model, so that both ports answer after the install."""
    demo = ModelAssignment(id=DEMO_MODEL_ID, path=demo_path)
    return Configuration(
        devices={
            name: DeviceSettings(port=port, device=name.upper(), models=[demo]) for name, port in DEFAULT_PORTS.items()
        }
    )


def parse_configuration(text: str, path: Path) -> Configuration:
    """Raises `ConfigError`; `path` is only named in it."""
    try:
        source = read_json(text)
    except JsonSourceError as error:
        raise ConfigError(
            path,
            _with_remedy(Notice("notices.config_no_json", error=error.message)),
            line=error.line,
            column=error.column,
            field=_field_name(error.location) or None,
        ) from error
    if not isinstance(source.value, Mapping):
        raise ConfigError(path, _with_remedy(_ROOT_RULE), line=1, column=1)
    notes = {key: value for key, value in source.value.items() if key.startswith(("$", "_"))}
    devices = {key: value for key, value in source.value.items() if key not in notes}
    try:
        configuration = Configuration.model_validate({"devices": devices, "notes": notes})
    except ValidationError as error:
        raise _explain(error, source, path) from error
    _refuse_shared_ports(configuration, source, path)
    return configuration


def _explain(error: ValidationError, source: JsonSource, path: Path) -> ConfigError:
    first = error.errors(include_url=False)[0]
    location: Location = tuple(part for part in first["loc"][1:] if part != "[key]")
    if first["type"] == "missing":
        message = type_problem(first)
    elif first["type"] == "model_type" and len(location) == 1:
        message = _ROOT_RULE
    elif first["type"] == "value_error":
        message = str(first.get("ctx", {})["error"])
    else:
        message = Notice("notices.config_found", problem=type_problem(first), value=_shortened(first["input"]))
    return _error_at(location, _with_remedy(message), source, path)


def _refuse_shared_ports(configuration: Configuration, source: JsonSource, path: Path) -> None:
    owners: dict[int, str] = {}
    for name, settings in configuration.devices.items():
        owner = owners.setdefault(settings.port, name)
        if owner != name:
            message = Notice("notices.config_port_twice", port=settings.port, owner=owner)
            raise _error_at((name, "port"), message, source, path)


def _error_at(location: Location, message: str, source: JsonSource, path: Path) -> ConfigError:
    line, column = source.line_and_column(location)
    return ConfigError(path, message, line=line, column=column, field=_field_name(location) or None)


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _field_name(location: Location) -> str:
    """`("gpu", "models", 0, "port")` → `gpu.models[0].port`."""
    name = ""
    for part in location:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


class ConfigStore:
    """Reads and writes one `device_config.json`.

    `load` and `save` are exact and raise. `current` is for a suite that must run on: while the file is broken it
    answers the last good one, also across a restart by means of a copy kept beside the file, and `problem` says what
    is wrong. A file that stays as it is, is parsed once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last_good_path = path.with_suffix(".last-good.json")
        self.problem: ConfigError | None = None
        self._file = JsonStore(path, lambda data: _decoded(data, path), lambda value: _encoded(value, path))
        self._last_good: Configuration | None = None
        self._lock = threading.Lock()

    def load(self) -> Configuration:
        """Raises `ConfigError`, and FileNotFoundError where there is no file."""
        return self._file.read()

    def current(self) -> Configuration:
        """The file's configuration, or the last good one. Raises as `load` does when there never was a good one."""
        with self._lock:
            try:
                configuration = self.load()
            except FileNotFoundError:
                if self._last_good is None:
                    raise
                self.problem = ConfigError(self.path, "the file is gone; it comes back with the next change")
                return self._last_good
            except ConfigError as error:
                self.problem = error
                if self._last_good is None:
                    self._last_good = self._read_copy(error)
                return self._last_good
            self.problem = None
            if configuration is not self._last_good and configuration != self._last_good:
                write_atomically(self.last_good_path, _encoded(configuration, self.path))
            self._last_good = configuration
            return configuration

    def usable_path(self) -> Path:
        """The file a new child process should read: the configuration itself, or its last good copy."""
        self.current()
        return self.path if self.problem is None else self.last_good_path

    def save(self, configuration: Configuration) -> None:
        """Raises `ConfigError` for a configuration against the rules or larger than `MAX_BYTES`, and rather than
        replace a file that does not parse; OSError where writing fails."""
        with self._file.locked():
            if self.path.exists():
                self.load()
            self._file.write(configuration)
        self.current()

    def change_device(self, name: str, change: Callable[[DeviceSettings], DeviceSettings]) -> Configuration:
        """Put what `change` makes of a device's settings on disk. Raises `ConfigError`."""

        def changed(configuration: Configuration) -> Configuration:
            settings = configuration.devices.get(name)
            if settings is None:
                known = ", ".join(configuration.devices) or "none"
                raise ConfigError(self.path, f'there is no device "{name}"; known devices: {known}', field=name)
            return configuration.model_copy(update={"devices": {**configuration.devices, name: change(settings)}})

        return self.change(changed)

    def change(self, change: Callable[[Configuration], Configuration]) -> Configuration:
        """Put what `change` makes of the configuration on disk. The admin and the device servers all do this: who
        comes second sees what the first has written. Raises `ConfigError`."""
        changed = self._file.change(change)
        self.current()
        return changed

    def _read_copy(self, cause: ConfigError) -> Configuration:
        try:
            return _decoded(read_bytes(self.last_good_path), self.last_good_path)
        except (ConfigError, OSError):
            raise cause from None


def _decoded(data: bytes, path: Path) -> Configuration:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(path, _with_remedy("the file is not UTF-8 text"), line=line) from error
    return parse_configuration(text, path)


def _encoded(configuration: Configuration, path: Path) -> bytes:
    """A lone surrogate cannot be UTF-8; its backslash form is what JSON calls it too."""
    try:
        data = configuration.to_json().encode("utf-8", "backslashreplace")
    except ValueError as error:
        raise ConfigError(path, f"this cannot be written as JSON: {error}") from error
    if len(data) > MAX_BYTES:
        size, most = f"{len(data) / 1e6:.1f}", f"{MAX_BYTES / 1e6:g}"
        raise ConfigError(path, Notice("notices.config_too_large", size=size, most=most))
    return data

"""`gateway.json`: whether there is one address for all devices, where it is, and the aliases it knows. There need not
be such a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from configuration.schema import ModelId, Parameters
from storage.json_store import JsonStore

GATEWAY_FILE = "gateway.json"
DEFAULT_PORT = 11434
"""Ollama's own, which its clients try first."""


def _checked_host(host: str) -> str:
    if not host or any(character in host for character in "/@ ") or not host.isprintable():
        raise ValueError("a host is an address like 127.0.0.1 or a name, without port")
    return host


class GatewayProblem(Exception):
    """The text is for a person: which file, which field, what is wrong."""


class GatewayAlias(BaseModel):
    """A name for a model, with what it adds to requests. `model` has a device's prefix, or the gateway chooses the
    device; `fallback` are further models, asked in this order where the one before is busy or away."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    model: ModelId
    fallback: list[ModelId] = Field(default_factory=list, max_length=16)
    system: str | None = Field(default=None, max_length=4000)
    parameters: Parameters = Field(default_factory=dict)


class GatewaySettings(BaseModel):
    """`wait_seconds`: how long a request waits for a device that is starting again."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    enabled: bool = False
    host: Annotated[str, AfterValidator(_checked_host)] = "127.0.0.1"
    port: int = Field(default=DEFAULT_PORT, ge=1, le=65535)
    wait_seconds: float = Field(default=30, ge=0)
    aliases: dict[ModelId, GatewayAlias] = Field(default_factory=dict)


class GatewayStore:
    """The file of one data directory. The admin server writes it; the gateway sees a change with its next request."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: GatewayProblem | None = None
        self._file = JsonStore(path, self._decoded, _encoded, missing=GatewaySettings())
        self._settings = GatewaySettings()

    def load(self) -> GatewaySettings:
        """The defaults where there is no file. Raises `GatewayProblem`."""
        try:
            return self._file.read()
        except OSError as error:
            raise GatewayProblem(f"{self.path} cannot be read ({error.strerror}).") from error

    def current(self) -> GatewaySettings:
        """The file's settings, or the last good ones; `problem` says what is wrong with the file."""
        try:
            self._settings, self.problem = self.load(), None
        except GatewayProblem as problem:
            self.problem = problem
        return self._settings

    def change(self, change: Callable[[GatewaySettings], GatewaySettings]) -> GatewaySettings:
        """Put what `change` makes of the settings on disk. Raises `GatewayProblem`, also rather than replace a file
        that cannot be used, and OSError."""
        return self._file.change(change)

    def _decoded(self, data: bytes) -> GatewaySettings:
        try:
            return GatewaySettings.model_validate_json(data)
        except ValidationError as error:
            raise _explain(error, self.path) from error


def _encoded(settings: GatewaySettings) -> bytes:
    return settings.model_dump_json(indent=2).encode("utf-8") + b"\n"


def _explain(error: ValidationError, path: Path) -> GatewayProblem:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"] if part != "[key]")
    place = f"{path}, field {field}" if field else str(path)
    return GatewayProblem(f"{place}: {first['msg'].removeprefix('Value error, ')}.")

"""One client: what it needs of a model, and how it is pointed at one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clients.json_text import JsonText
from clients.places import Places
from clients.settings_text import SettingPath, SettingsText, edited
from clients.target import Target
from clients.toml_text import TomlText
from clients.yaml_text import YamlText

FORMATS: Mapping[str, SettingsText] = {
    ".json": JsonText(),
    ".jsonc": JsonText(),
    ".toml": TomlText(),
    ".yaml": YamlText(),
    ".yml": YamlText(),
}


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file and the settings of ours in it. `head`: further ones that a new file must begin with.
    `volatile`: keys that the client itself keeps up to date, which say nothing of whose a setting is."""

    path: Path
    values: Mapping[SettingPath, Any]
    head: Mapping[SettingPath, Any] = field(default_factory=dict)
    volatile: tuple[str, ...] = ()

    @property
    def form(self) -> SettingsText:
        return FORMATS[self.path.suffix]

    def settings(self, *, new: bool) -> dict[SettingPath, Any]:
        return {**self.head, **self.values} if new else dict(self.values)

    def text(self) -> str:
        """A file with nothing else in it."""
        return edited(self.form, "", self.settings(new=True))


def _nothing(target: Target) -> dict[str, str]:
    return {}


def _no_arguments(target: Target) -> Sequence[str]:
    return ()


def _no_files(target: Target, places: Places) -> Sequence[ConfigFile]:
    return ()


@dataclass(frozen=True)
class Agent:
    """`program`: its command, which `install` installs. `prompt_tokens`: of its first request, measured. `context`:
    what it needs at least. `tools`: it works by calling them.
    `shown_as_file`: people set it up by its file, not by variables that they type.

    Started by us it gets `environment` and `arguments`, and leaves the user's files alone; `own_files` are files in a
    folder of ours that the arguments name. `files` are the user's own, for whoever wants the client to use the model
    however it is started; a client without any takes the environment only.
    """

    name: str
    title: str
    program: str
    install: str
    context: int
    prompt_tokens: int | None = None
    tools: bool = True
    shown_as_file: bool = False
    environment: Callable[[Target], dict[str, str]] = _nothing
    arguments: Callable[[Target], Sequence[str]] = _no_arguments
    files: Callable[[Target, Places], Sequence[ConfigFile]] = _no_files
    own_files: Callable[[Target, Path], Sequence[ConfigFile]] = field(default=lambda target, folder: ())
    own_arguments: Callable[[Path], Sequence[str]] = field(default=lambda folder: ())

    @property
    def takes_files(self) -> bool:
        """Whether it can be made to use a model however it is started."""
        return self.files is not _no_files

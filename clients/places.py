"""Where clients keep their configuration, as the user's environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Places:
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    windows: bool = False

    @classmethod
    def of_this_user(cls) -> Places:
        return cls(Path.home(), dict(os.environ), os.name == "nt")

    def folder(self, variable: str, *default: str) -> Path:
        """The folder that an environment variable names, or one below the home folder."""
        named = self.environment.get(variable)
        return Path(named).expanduser() if named else self.home.joinpath(*default)

    def config(self, *names: str) -> Path:
        """Below the folder of configurations, as the XDG base directories have it."""
        return self.folder("XDG_CONFIG_HOME", ".config").joinpath(*names)

"""Where a conversion works: a hidden folder beside the unfinished downloads, deleted when it is done or cancelled."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from model_files.model_config import read_json
from registry.disk import write_json
from registry.names import PARTIAL

_SUFFIX = ".convert"
_FINISHED = "exported.json"


class Workspace:
    """`source` and `adapter`: what was downloaded. `output`: the model in the making. `scratch`: the exporter's
    temporary files. `merged`: the source with an adapter in it."""

    def __init__(self, models_dir: Path, job_id: str) -> None:
        self.folder = models_dir / PARTIAL / f"{job_id}{_SUFFIX}"
        self.source = self.folder / "source"
        self.adapter = self.folder / "adapter"
        self.merged = self.folder / "merged"
        self.output = self.folder / "output"
        self.scratch = self.folder / "scratch"
        self.log = self.folder / "log.txt"

    def clear_output(self) -> None:
        """What an interrupted export has left; downloads stay. Raises OSError."""
        for folder in (self.output, self.scratch, self.merged):
            shutil.rmtree(folder, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        (self.folder / _FINISHED).unlink(missing_ok=True)

    def finished(self) -> dict[str, Any]:
        """How the export was made that lies complete in `output`; empty where there is none."""
        try:
            return read_json(self.folder / _FINISHED) if self.output.is_dir() else {}
        except (OSError, ValueError):
            return {}

    def finish(self, how: dict[str, Any]) -> None:
        write_json(self.folder / _FINISHED, how)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def append(self, line: str) -> None:
        """To the log. A disk that is full must not end more than it has to."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.log.open("a", encoding="utf-8", errors="replace") as stream:
                stream.write(f"{line}\n")
        except OSError:
            return


def remove_strays(models_dir: Path, known: Collection[str]) -> None:
    """Folders of conversions that no list knows any more."""
    for folder in (models_dir / PARTIAL).glob(f"*{_SUFFIX}"):
        if folder.name.removesuffix(_SUFFIX) not in known:
            shutil.rmtree(folder, ignore_errors=True)

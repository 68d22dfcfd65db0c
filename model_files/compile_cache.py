"""What OpenVINO has compiled of one model, and putting it aside where it seems to be damaged.

The plugins check little of what they read back: a file that was cut short, on a full disk or when the power failed,
keeps a model from loading, at every try and over restarts, until somebody deletes it.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

DAMAGED_SUFFIX = ".damaged"


class CompileCache:
    """A model's `folder` in its device's cache; None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._acquitted = False

    @property
    def empty(self) -> bool:
        """Whether nothing has been compiled yet, as far as is known."""
        return self.folder is None or not _holds_files(self.folder)

    @property
    def damaged(self) -> Path | None:
        """Where files lie that were put aside."""
        return self.folder.with_name(f"{self.folder.name}{DAMAGED_SUFFIX}") if self.folder else None

    def put_aside(self) -> bool:
        """Have the next load compile anew; whether there was anything that could be at fault.

        False, too, while they are acquitted: what did not load without them either is not to be compiled again each
        time.
        """
        if self.folder is None or self.damaged is None or self._acquitted or self.empty:
            return False
        shutil.rmtree(self.damaged, ignore_errors=True)
        with contextlib.suppress(OSError):  # Windows, where a process has one of them open
            self.folder.rename(self.damaged)
            return True
        return False

    def restore(self, *, acquitted: bool) -> None:
        """Bring the files back. `acquitted`: it was not their fault, the model did not load without them either."""
        self._acquitted = acquitted
        if self.folder is not None and self.damaged is not None:
            with contextlib.suppress(OSError):
                shutil.rmtree(self.folder, ignore_errors=True)
                self.damaged.rename(self.folder)

    def loaded(self) -> None:
        """The model has loaded: what fails from now on may be the files' fault again."""
        self._acquitted = False


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.rglob("*"))

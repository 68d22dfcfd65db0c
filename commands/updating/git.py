"""A checkout: fetched, moved on, and moved back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from commands.updating.release import UpdateFailed


class Checkout:
    def __init__(self, project: Path) -> None:
        self._project = project

    def fetch(self) -> list[str]:
        """The titles of what is new, the newest first. Raises `UpdateFailed`."""
        if changed := self._git("status", "--porcelain", "--untracked-files=no"):
            raise UpdateFailed(f"These files were changed here; commit or undo that first:\n{changed}")
        self._git("fetch", "--quiet")
        return self._git("log", "--format=%s", "HEAD..@{upstream}").splitlines()

    def move_on(self) -> Callable[[], None]:
        """Gives back what undoes it. Raises `UpdateFailed` where it has commits of its own."""
        before = self._git("rev-parse", "HEAD")
        self._git("merge", "--ff-only", "--quiet", "@{upstream}")
        return lambda: _nothing(self._git("reset", "--hard", "--quiet", before))

    def _git(self, *arguments: str) -> str:
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=self._project, capture_output=True, encoding="utf-8", errors="replace"
            )
        except OSError as error:
            raise UpdateFailed(f"git could not be started: {error}. Or name a release archive: update FILE") from error
        if done.returncode != 0:
            raise UpdateFailed(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()


def _nothing(_: str) -> None: ...

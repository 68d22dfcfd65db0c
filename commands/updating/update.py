"""`update`: another version from a release archive or by git, tried before the old one is given up."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from commands.errors import CONFLICT, FAILED
from commands.updating.git import Checkout
from commands.updating.release import (
    FOLDER,
    UpdateFailed,
    changed_files,
    clean_up,
    installed,
    put_back,
    swap,
    unpack,
    was_interrupted,
)
from commands.updating.trial import environment_python, prepare, try_start

Say = Callable[[str], None]


def update(project: Path, options: argparse.Namespace, say: Say) -> int:
    """Exit code. `say`: a line for the person."""
    data_dir: Path = options.data_dir.resolve()
    if was_interrupted(project):
        put_back(project)
        clean_up(project)
        say("An interrupted update was backed out.")
    try:
        if _runs(project, data_dir):
            say("The suite is running. Stop it first: main.py stop")
            return CONFLICT
        if options.archive is not None:
            if (project / ".git").exists():
                raise UpdateFailed("This is a checkout of git, which an archive would overwrite: update without one.")
            return _from_archive(project, data_dir, options, say)
        if (project / ".git").exists():
            return _by_git(project, data_dir, options, say)
        raise UpdateFailed("This is no checkout of git: name a release archive, a file or an address: update FILE")
    except (UpdateFailed, OSError) as error:
        say(str(error))
        return FAILED


def _runs(project: Path, data_dir: Path) -> bool:
    """Asked in another process: no package may be loaded in this one."""
    command = [environment_python(project), str(project / "main.py"), "status", "--json", "--data-dir", str(data_dir)]
    done = subprocess.run(command, cwd=project, capture_output=True, encoding="utf-8", errors="replace")
    try:
        return bool(json.loads(done.stdout).get("running"))
    except ValueError:
        return False


def _from_archive(project: Path, data_dir: Path, options: argparse.Namespace, say: Say) -> int:
    clean_up(project)
    folder = project / FOLDER
    folder.mkdir()
    try:
        new, old = unpack(options.archive, folder, options.sha256), installed(project)
        say(f"Installed: {old.version if old else 'not from a release archive'}. Archive: {new.version}.")
        if options.check:
            return 0
        if old and (changed := changed_files(project, old)):
            raise UpdateFailed(f"These files were changed here; put them back first:\n{chr(10).join(changed)}")
        _change(project, data_dir, lambda: swap(project, old, new), new.version, say)
    finally:
        if not was_interrupted(project):
            clean_up(project)
    clean_up(project, old)
    say(f"Version {new.version} is installed.")
    return 0


def _by_git(project: Path, data_dir: Path, options: argparse.Namespace, say: Say) -> int:
    checkout = Checkout(project)
    news = checkout.fetch()
    if not news:
        say("There is nothing new.")
        return 0
    say("\n".join(f"  {title}" for title in news))
    if options.check:
        return 0
    _change(project, data_dir, checkout.move_on, None, say)
    say(f"{len(news)} changes are installed.")
    return 0


def _change(
    project: Path, data_dir: Path, act: Callable[[], Callable[[], None]], version: str | None, say: Say
) -> None:
    """Raises `UpdateFailed` with the old version in its place again."""
    undo = act()
    try:
        say("Installing its packages and trying to start it.")
        found = prepare(project)
        if version is not None and found != version:
            raise UpdateFailed(f"It calls itself {found}.")
        try_start(project, data_dir)
    except BaseException as error:
        say("The old version is put back.")
        undo()
        prepare(project)
        if isinstance(error, (UpdateFailed, OSError)):
            raise UpdateFailed(f"The new version was backed out. {error}") from error
        raise

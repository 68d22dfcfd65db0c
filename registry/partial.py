"""Unfinished downloads on disk, and their end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from pathlib import Path

from filelock import FileLock, Timeout

from notices import Notice
from registry.disk import put_in_place
from registry.downloader_protocol import Plan, decode_plan
from registry.errors import InvalidModelName, ModelInUse
from registry.names import PLAN, check_model_id, directory_name
from storage.files import BROKEN_FILE


def stray_plans(partial_dir: Path, known: Collection[str]) -> list[Plan]:
    """What the unfinished downloads are of whose directories are not among the known ones."""
    plans = []
    for path in sorted(partial_dir.glob(f"*/{PLAN}")):
        with contextlib.suppress(*BROKEN_FILE, InvalidModelName):
            plan = decode_plan(path.read_bytes())
            if directory_name(check_model_id(plan.model_id)) == path.parent.name and path.parent.name not in known:
                plans.append(plan)
    return plans


def partial_lock(partial: Path) -> FileLock:
    """Whoever writes to an unfinished download holds this."""
    return FileLock(f"{partial}.lock")


def remove_lock(partial: Path) -> None:
    """Nobody here writes any more. Another process that does keeps its lock."""
    lock = partial_lock(partial)
    with contextlib.suppress(Timeout, OSError), lock.acquire(timeout=0):
        Path(lock.lock_file).unlink(missing_ok=True)


async def install(partial: Path, target: Path, models_dir: Path) -> None:
    """Make a finished download a model. Once begun it is not cancelled: the model is there, or all is as it was.

    Raises ModelInUse, OSError.
    """
    moving = asyncio.ensure_future(asyncio.to_thread(put_in_place, partial, target, models_dir))
    try:
        await asyncio.wait({moving})
    except asyncio.CancelledError:
        await asyncio.wait({moving})
    try:
        moving.result()
    except PermissionError as error:
        raise ModelInUse(Notice("notices.new_files_in_use", name=target.name), in_use_by=[]) from error
    (target / PLAN).unlink(missing_ok=True)

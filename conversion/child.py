"""A child process that works for a while: at low priority, with a log, telling what it does in marked lines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from supervision.child import ChildProcess
from supervision.exit_status import crashed, describe_exit
from supervision.spawn import PROJECT

MARK = "conversion-event:"
_STOP_SECONDS = 2.0
_NICENESS = 15

Event = dict[str, Any]


class ChildFailed(Exception):
    """It ended without having done its work. str(): the last line it wrote, or how it died."""


async def run_child(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    on_line: Callable[[str], object],
    on_event: Callable[[Event], object] = lambda event: None,
    cwd: Path = PROJECT,
) -> None:
    """Until it ends. Being cancelled ends it, with all it has started. Raises ChildFailed, OSError."""
    last = ""

    def take(line: str) -> None:
        nonlocal last
        if line.startswith(MARK):
            with contextlib.suppress(ValueError):
                on_event(json.loads(line.removeprefix(MARK)))
            return
        last = line.strip() or last
        on_line(line)

    child = await ChildProcess.start(command, cwd=cwd, environment=environment, on_line=take)
    _lower_priority(child.pid)
    try:
        code = await child.wait()
    except asyncio.CancelledError:
        await asyncio.shield(child.stop(ask_seconds=_STOP_SECONDS, insist_seconds=0))
        raise
    if code:
        raise ChildFailed(describe_exit(code) if crashed(code) or not last else last[-500:])


def _lower_priority(pid: int) -> None:
    """So that answers and the user's own programs come first. What it starts inherits it."""
    with contextlib.suppress(psutil.Error, OSError):
        psutil.Process(pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else _NICENESS)

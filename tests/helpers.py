"""Processes and patience for tests."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

PATIENCE = 30
"""Seconds after which something that should have come true will not."""

http = httpx.Client(timeout=2 * PATIENCE, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
"""For single requests: as patient as a machine with other work needs it to be."""


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def kill(pid: int) -> None:
    """End a process at once, as the system's tools do."""
    psutil.Process(pid).kill()


KILLED = -9 if sys.platform != "win32" else signal.SIGTERM
"""Exit code of a process after `kill`; Windows has no signals, and psutil ends processes there with this code."""

ENDED_BY_ASYNCIO = -9 if sys.platform != "win32" else 1
"""Exit code of a child that asyncio has killed."""


INTERRUPT = signal.SIGINT if sys.platform != "win32" else signal.SIGBREAK
"""What Ctrl-C is to one process; Windows can send Ctrl-Break alone to one, and to the first of a group only."""


INTERRUPTIBLE = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
"""`creationflags` of a process that `interrupt` is to reach."""


def interrupt(process: "subprocess.Popen[Any]") -> None:
    process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else INTERRUPT)


def link_or_skip(link: Path, target: str | Path, *, directory: bool = False) -> None:
    """Make a symbolic link; the test is skipped where this account may not (Windows without developer mode)."""
    try:
        link.symlink_to(target, target_is_directory=directory)
    except OSError as error:
        pytest.skip(f"no symbolic links for this account: {error}")
    if Path(target).exists() and not link.exists():
        pytest.skip("symbolic links lead nowhere on this system")


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"this did not come true within {PATIENCE} s")
        time.sleep(0.02)


async def eventually(condition: Callable[[], Any], describe: Callable[[], object] = lambda: "") -> Any:
    """Wait until `condition` answers something true, and answer that."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"this did not come true within {PATIENCE} s: {describe()}")
        await asyncio.sleep(0.02)
    return answer

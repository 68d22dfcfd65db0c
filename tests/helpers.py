"""Ports, processes and patience for tests."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from web.listening import close_all, open_listeners

PATIENCE = 30
"""Seconds after which something that should have come true will not."""


def free_port() -> int:
    listeners = open_listeners("127.0.0.1", 0)
    port = listeners[0].getsockname()[1]
    close_all(listeners)
    return port


def free_ports(count: int) -> list[int]:
    """Different ones: a port that is free twice in a row may be the same."""
    opened = [open_listeners("127.0.0.1", 0) for _ in range(count)]
    ports = [listeners[0].getsockname()[1] for listeners in opened]
    for listeners in opened:
        close_all(listeners)
    return ports


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


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

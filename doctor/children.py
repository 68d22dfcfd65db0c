"""Running a process for a limited time; what it says, or how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from doctor.probe import MARK
from supervision.environment import child_environment
from supervision.exit_status import crashed, describe_exit
from supervision.python import python_command
from supervision.spawn import spawn_process

_OUTPUT_BYTES = 1 << 20

Ending = Literal["answered", "failed", "crashed", "timeout"]


@dataclass(frozen=True)
class ChildResult:
    """answer: what it reported, where it did. reason: the last line it wrote, or how it died, in English."""

    ending: Ending
    answer: dict[str, Any] | None = None
    reason: str = ""
    seconds: float = 0.0


async def run_probe(arguments: Sequence[str], *, seconds: float) -> ChildResult:
    """`doctor.probe` with these arguments. Does not raise for anything that the child does."""
    return await run_child(python_command("-m", "doctor.probe", *arguments), seconds=seconds)


async def run_child(command: Sequence[str], *, seconds: float) -> ChildResult:
    """Run a command that prints `MARK` and JSON; it and what it started are killed after `seconds`."""
    try:
        process = await spawn_process(
            command, environment=child_environment(), stdin=DEVNULL, stderr=STDOUT, own_group=True
        )
    except OSError as error:
        return ChildResult("failed", reason=str(error))
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds)
    except asyncio.TimeoutError:
        return ChildResult("timeout", seconds=seconds)
    finally:
        await _end(process)
    text = output[-_OUTPUT_BYTES:].decode("utf-8", "replace")
    answer = _answer(text)
    if answer is not None:  # a driver that crashes while it is taken down has done its work
        return ChildResult("answered", answer)
    code = process.returncode or 0
    if crashed(code):
        return ChildResult("crashed", reason=describe_exit(code))
    return ChildResult("failed", reason=_last_line(text) or describe_exit(code))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Also when the doctor is cancelled; on POSIX with everything the child has started."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _answer(text: str) -> dict[str, Any] | None:
    line = next((line for line in reversed(text.splitlines()) if line.startswith(MARK)), None)
    if line is None:
        return None
    try:
        return json.loads(line.removeprefix(MARK))
    except ValueError:
        return None


def _last_line(text: str) -> str:
    """Native errors begin with where they were raised and end with what was wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""

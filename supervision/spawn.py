"""Starting a child process: of this project, in its folder, with an environment and pipes of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

PROJECT = Path(__file__).resolve().parents[1]
LINE_LIMIT = 65_536
Protocol = TypeVar("Protocol", bound=asyncio.SubprocessProtocol)


async def spawn(
    command: Sequence[str],
    protocol: Callable[[], Protocol],
    *,
    environment: Mapping[str, str],
    cwd: Path = PROJECT,
    stdin: int | None = PIPE,
    stdout: int | None = PIPE,
    stderr: int | None = None,
    own_group: bool = False,
    descriptors: Sequence[int] = (),
) -> tuple[asyncio.SubprocessTransport, Protocol]:
    """`own_group`: Ctrl-C in the terminal does not reach it, on POSIX it leads a process group by which all it leaves
    behind can be ended, on Windows it has no window. `descriptors` are inherited under the same numbers (POSIX). A pipe
    that is None is the parent's own. Raises OSError where the program cannot be started."""
    options: dict[str, Any]
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        options = {"creationflags": flags if own_group else 0}
    else:
        options = {"start_new_session": own_group, "pass_fds": tuple(descriptors)}
    pipes = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    return await asyncio.get_running_loop().subprocess_exec(
        protocol, *command, cwd=str(cwd), env=dict(environment), **pipes, **options
    )


async def spawn_process(command: Sequence[str], *, limit: int = LINE_LIMIT, **options: Any) -> Process:
    """As `spawn`, read and written as streams; `limit`: the bytes of the longest line."""
    loop = asyncio.get_running_loop()
    transport, protocol = await spawn(command, lambda: SubprocessStreamProtocol(limit=limit, loop=loop), **options)
    return Process(transport, protocol, loop)

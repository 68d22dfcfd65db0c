"""One child process whose standard input is its lifeline and whose output is a log."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import STDOUT
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from supervision.spawn import spawn

_OUTPUT = 1
_MAX_LINE_BYTES = 65_536
_LAST_OUTPUT_SECONDS = 0.5


class ChildProcess:
    """A started process: `stop` asks, then insists; `wait` answers its exit code (negative: the signal it died of).

    On POSIX it leads a process group of its own, so that Ctrl-C in the terminal reaches only the parent, and so that
    whatever it leaves behind can be ended with it.
    """

    def __init__(self, transport: asyncio.SubprocessTransport, output: "_Output") -> None:
        self._transport = transport
        self._output = output
        self.pid = transport.get_pid()

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        on_line: Callable[[str], object],
        descriptors: Sequence[int] = (),
    ) -> "ChildProcess":
        """`descriptors` are inherited under the same numbers (POSIX). `on_line` gets stdout and stderr line by line,
        in the event loop. Raises OSError where the program cannot be started."""
        transport, output = await spawn(
            command,
            lambda: _Output(on_line),
            environment=environment,
            cwd=cwd,
            stderr=STDOUT,
            own_group=True,
            descriptors=descriptors,
        )
        return cls(transport, output)

    async def wait(self) -> int:
        """May be awaited more than once."""
        await self._output.exited.wait()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._output.closed.wait(), _LAST_OUTPUT_SECONDS)
        self._transport.close()
        return cast(int, self._transport.get_returncode())

    async def stop(self, *, ask_seconds: float, insist_seconds: float) -> int:
        """Close its standard input and wait `ask_seconds`, terminate it and wait `insist_seconds`, kill it."""
        stdin = self._transport.get_pipe_transport(0)
        if stdin is not None:
            stdin.close()
        if not await self._exits_within(ask_seconds):
            with contextlib.suppress(ProcessLookupError):
                self._transport.terminate()
            if not await self._exits_within(insist_seconds):
                self.kill()
        return await self.wait()

    def kill(self) -> None:
        if self._output.exited.is_set():
            return
        if sys.platform == "win32":
            with contextlib.suppress(ProcessLookupError):
                self._transport.kill()
        else:
            _kill_group(self.pid)

    async def _exits_within(self, seconds: float) -> bool:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._output.exited.wait(), seconds)
        return self._output.exited.is_set()


def _kill_group(leader: int) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


class _Output(asyncio.SubprocessProtocol):
    """Cuts the output into lines. `exited` tells of the process itself: a grandchild may hold its output open longer,
    which is what `asyncio.subprocess` waits for in some versions of Python."""

    _pid: int

    def __init__(self, on_line: Callable[[str], object]) -> None:
        self._on_line = on_line
        self._pending = b""
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pid = cast(asyncio.SubprocessTransport, transport).get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > _MAX_LINE_BYTES:
            lines.append(self._pending)
            self._pending = b""
        for line in lines:
            self._emit(line)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == _OUTPUT:
            if self._pending:
                self._emit(self._pending)
            self._pending = b""
            self.closed.set()

    def process_exited(self) -> None:
        """Its group goes with it, here, where its number cannot belong to another process yet."""
        if sys.platform != "win32":
            _kill_group(self._pid)
        self.exited.set()

    def _emit(self, line: bytes) -> None:
        """Of a progress bar that rewrites its line, the last state is kept."""
        text = line.decode("utf-8", "replace").rstrip("\r")
        self._on_line(text.rpartition("\r")[2])

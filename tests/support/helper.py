"""A process that works for a measurement, so that its work is not done by the one that measures."""

import subprocess
import sys
from types import TracebackType
from typing import TypeVar

import msgspec

from tests.support.launch import PROJECT
from tests.support.messages import Job, Measured, Ready, receive, send

T = TypeVar("T")

_END_SECONDS = 10


class HelperFailed(Exception):
    """The helper ended; its error output says why."""


class Helper:
    """Runs `python -m module`, tells it `settings` and waits until it is ready. To be used in a `with` statement."""

    def __init__(self, module: str, settings: msgspec.Struct) -> None:
        self._module = module
        command = [sys.executable, "-m", module]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._ask(settings, Ready)

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, job: Job) -> Measured:
        """Raises `HelperFailed`."""
        return self._ask(job, Measured)

    def __enter__(self) -> "Helper":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, message: msgspec.Struct, kind: type[T]) -> T:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            send(self._process.stdin, message)
            reply = receive(self._process.stdout, kind)
        except BrokenPipeError:
            reply = None
        if reply is None:
            raise HelperFailed(f"{self._module} ended with status {self._process.wait()}.")
        return reply

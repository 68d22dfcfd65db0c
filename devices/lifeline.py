"""A child's standard input as its lifeline: a pipe its parent holds open for as long as the child shall run."""

import os
import threading
from collections.abc import Callable

_STDIN = 0
_CHUNK = 4096


def watch_stdin(
    on_eof: Callable[[], None], on_line: Callable[[str], None] | None = None, *, descriptor: int = _STDIN
) -> threading.Thread:
    """Call `on_line` for each line and `on_eof` once when the pipe is closed, also by the parent's death.

    Both are called in a daemon thread. It reads the descriptor itself: the lock of `sys.stdin` would be held for ever
    and the interpreter could not shut down.
    """
    thread = threading.Thread(target=_watch, args=(descriptor, on_eof, on_line), name="lifeline", daemon=True)
    thread.start()
    return thread


def _watch(descriptor: int, on_eof: Callable[[], None], on_line: Callable[[str], None] | None) -> None:
    pending = b""
    try:
        while chunk := _read(descriptor):
            *lines, pending = (pending + chunk).split(b"\n")
            if on_line is not None:
                for line in lines:
                    on_line(line.decode("utf-8", "replace").rstrip("\r"))
    finally:
        on_eof()


def _read(descriptor: int) -> bytes:
    """A descriptor that was closed or never opened counts as end of file."""
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:
        return b""

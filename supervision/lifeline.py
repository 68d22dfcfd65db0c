"""A child's standard input as its lifeline: a pipe its parent holds open for as long as the child shall run."""

import os
import sys
import threading
from collections.abc import Callable

_STDIN = 0
_CHUNK = 4096


def take_stdin() -> int:
    """A descriptor of this process's own for the pipe on its standard input; standard input becomes the null device.

    On Windows a thread that waits for a pipe keeps every other from asking what kind of handle it is, and that is what
    numpy's and OpenVINO's libraries ask of standard input while they load: nothing would load during the wait. A
    standard input that was closed or never opened comes as one that has ended.
    """
    try:
        pipe = os.dup(_STDIN)
    except OSError:
        pipe = None
    null = os.open(os.devnull, os.O_RDONLY)
    if null != _STDIN:
        os.dup2(null, _STDIN)
        os.close(null)
    if sys.platform == "win32":
        _tell_windows(_STDIN)
    return os.dup(_STDIN) if pipe is None else pipe


def watch_stdin(on_eof: Callable[[], None]) -> threading.Thread:
    """`watch_pipe` on standard input, which is the null device from then on."""
    return watch_pipe(take_stdin(), on_eof)


def watch_pipe(descriptor: int, on_eof: Callable[[], None]) -> threading.Thread:
    """Call `on_eof` once, in a daemon thread, when the pipe is closed, also by its writer's death."""
    thread = threading.Thread(target=_watch, args=(descriptor, on_eof), name="lifeline", daemon=True)
    thread.start()
    return thread


def _watch(descriptor: int, on_eof: Callable[[], None]) -> None:
    try:
        while _read(descriptor):
            pass
    finally:
        on_eof()


def _read(descriptor: int) -> bytes:
    """A descriptor that was closed counts as end of file."""
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:
        return b""


if sys.platform == "win32":

    def _tell_windows(descriptor: int) -> None:
        """The C runtime tells Windows of a new standard input in console programs only, not under pythonw."""
        import ctypes
        import msvcrt

        standard_input = -10
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(descriptor))
        ctypes.windll.kernel32.SetStdHandle(standard_input, handle)

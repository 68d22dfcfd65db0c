"""How a process ended, in words for a log line or an error."""

import signal

_FIRST_NT_STATUS = 0x80000000
_NT_STATUS = {
    0xC0000005: "access violation",
    0xC0000006: "a page could not be read from disk",
    0xC0000017: "out of memory",
    0xC000001D: "illegal instruction: the processor lacks what the library needs",
    0xC0000094: "integer division by zero",
    0xC00000FD: "stack overflow",
    0xC0000135: "a DLL was not found",
    0xC0000139: "a DLL lacks a function: two versions are mixed",
    0xC000013A: "ended by Ctrl-C or by closing the console",
    0xC0000142: "a DLL could not be initialised",
    0xC0000374: "heap corruption",
    0xC0000409: "the process aborted itself",
}
"""From Microsoft's list of NTSTATUS values."""


def describe_exit(code: int) -> str:
    """`code` as Python's subprocesses report it: negative for a signal, an NTSTATUS where Windows ended it."""
    if code < 0:
        return f"signal {_signal_name(-code)}"
    if code < _FIRST_NT_STATUS:
        return f"exit code {code}"
    meaning = _NT_STATUS.get(code)
    return f"exit code 0x{code:08X}" + (f" ({meaning})" if meaning else "")


def crashed(code: int) -> bool:
    """Whether the system ended it, rather than the program itself."""
    return code < 0 or code >= _FIRST_NT_STATUS


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)

"""How a process ended, in words for a log line or an error."""

import signal

from notices import Notice

_FIRST_NT_STATUS = 0x80000000
_NT_STATUS = {
    0xC0000005: "access_violation",
    0xC0000006: "page_unreadable",
    0xC0000017: "out_of_memory",
    0xC000001D: "illegal_instruction",
    0xC0000094: "division_by_zero",
    0xC00000FD: "stack_overflow",
    0xC0000135: "dll_missing",
    0xC0000139: "dll_mixed",
    0xC000013A: "interrupted",
    0xC0000142: "dll_not_initialised",
    0xC0000374: "heap_corruption",
    0xC0000409: "aborted",
}
"""From Microsoft's list of NTSTATUS values."""


def describe_exit(code: int) -> str:
    """`code` as Python's subprocesses report it: negative for a signal, an NTSTATUS where Windows ended it."""
    if code < 0:
        return Notice("notices.exit_signal", name=_signal_name(-code))
    if code < _FIRST_NT_STATUS:
        return Notice("notices.exit_code", code=code)
    meaning = _NT_STATUS.get(code)
    name = f"0x{code:08X}"
    if meaning is None:
        return Notice("notices.exit_code", code=name)
    return Notice("notices.exit_code_meaning", code=name, meaning=Notice(f"notices.exit_{meaning}"))


def crashed(code: int) -> bool:
    """Whether the system ended it, rather than the program itself."""
    return code < 0 or code >= _FIRST_NT_STATUS


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)

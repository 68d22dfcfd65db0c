"""Starting this Python again as a child process.

In a virtual environment on Windows `python.exe` is a launcher, and the interpreter its child: what is measured, waited
for and ended would be the launcher. So the interpreter itself is started and told whose environment it runs in, as
multiprocessing does it.
"""

import os
import sys
from collections.abc import Mapping

_BASE = getattr(sys, "_base_executable", sys.executable)


def python_command(*words: str) -> tuple[str, ...]:
    """The command that runs this Python with `words`; to be started with `python_environment`."""
    return (interpreter(sys.executable, _BASE, sys.platform)[0], *words)


def python_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`environment` for a child that `python_command` starts."""
    return {**environment, **interpreter(sys.executable, _BASE, sys.platform)[1]}


def interpreter(executable: str, base: str, platform: str) -> tuple[str, dict[str, str]]:
    """The program to start, and the variables that make it take `executable` for itself. `base` is the interpreter that
    a virtual environment was made of."""
    if platform == "win32" and executable.lower() != base.lower():
        return base, {"__PYVENV_LAUNCHER__": executable}
    return executable, {}

import subprocess
import sys

import pytest

from supervision.environment import child_environment
from supervision.python import interpreter, python_command, python_environment

BASE, VENV = r"C:\Python311\python.exe", r"C:\模型 伺服器\.venv\Scripts\python.exe"


@pytest.mark.parametrize(
    ("executable", "base", "platform", "program", "variables"),
    [
        (VENV, BASE, "win32", BASE, {"__PYVENV_LAUNCHER__": VENV}),
        (BASE, BASE.upper(), "win32", BASE, {}),
        ("/p/.venv/bin/python", "/usr/bin/python3", "linux", "/p/.venv/bin/python", {}),
    ],
)
def test_no_launcher_stands_in_front(
    executable: str, base: str, platform: str, program: str, variables: dict[str, str]
) -> None:
    assert interpreter(executable, base, platform) == (program, variables)


@pytest.mark.parametrize("environment", [python_environment(), child_environment()], ids=["ours", "a server's"])
def test_a_child_is_the_process_that_was_started_and_has_our_packages(environment: dict[str, str]) -> None:
    code = "import os, sys, psutil; print(os.getpid(), ascii(sys.prefix), file=sys.stderr)"
    with subprocess.Popen(python_command("-c", code), env=environment, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        pid, prefix = child.stderr.read().decode("ascii").strip().split(maxsplit=1)
    assert int(pid) == child.pid
    assert prefix == ascii(sys.prefix)

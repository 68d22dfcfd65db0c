"""What knows nothing of lifelines ends with its parent all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[2]
SLEEP = "import time; print(1, flush=True); time.sleep(60)"
SLEEPING_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{SLEEP}'])"


def tethered(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "supervision.tether", sys.executable, *words]
    return subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=sys.platform != "win32"
    )


def test_the_end_of_standard_input_ends_it_and_what_it_started() -> None:
    process = tethered("-c", SLEEPING_CHILD)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"1"
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.stdin.close()
    process.wait(20)
    if sys.platform != "win32":
        assert not psutil.wait_procs(children, 20)[1]
    process.stdout.close()


def test_its_exit_code_is_the_programs() -> None:
    process = tethered("-c", "import sys; sys.exit(7)")
    assert process.wait(20) == 7
    process.communicate()

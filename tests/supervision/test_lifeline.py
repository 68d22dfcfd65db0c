import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from supervision.lifeline import watch_pipe

PROJECT = Path(__file__).resolve().parents[2]

KIND = "stat.S_ISCHR(os.fstat(0).st_mode)"
"""Of standard input: whether it is the null device, seen by what loads libraries meanwhile."""
LOAD_WHILE_WAITING = {
    "a worker": f"""
import os, stat, sys
from instances import worker
class Loading(worker.Worker):
    def _load(self, spec):
        print({KIND}, file=sys.stderr)
        raise RuntimeError("enough")
worker.Worker = Loading
worker.main()
""",
    "the grammar worker": f"""
import os, stat, sys
from instances import grammar_worker
grammar_worker.serve = lambda commands, replies: print(commands.fileno() > 0 and {KIND}, file=sys.stderr)
grammar_worker.main()
""",
    "a downloader": f"""
import os, stat, sys
from registry import downloader
downloader.decode_request = lambda line: print({KIND}, file=sys.stderr) and sys.exit()
downloader.main()
""",
    "a server": f"""
import os, stat, sys
from supervision.lifeline import watch_stdin
thread = watch_stdin(lambda: None)
print({KIND}, file=sys.stderr)
thread.join()
""",
}


def test_the_end_comes_once() -> None:
    reading, writing = os.pipe()
    ended = threading.Event()
    thread = watch_pipe(reading, ended.set)
    os.write(writing, b"nothing that matters")
    assert not ended.wait(0.1)
    os.close(writing)
    assert ended.wait(10)
    thread.join(10)
    os.close(reading)


def test_a_closed_descriptor_is_the_end() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    ended = threading.Event()
    watch_pipe(reading, ended.set)
    assert ended.wait(10)


@pytest.mark.parametrize("child", LOAD_WHILE_WAITING)
def test_nothing_waits_on_standard_input_while_libraries_load(child: str) -> None:
    """On Windows every library that looks at it would wait too."""
    from instances.frames import encode_frame
    from instances.protocol import LoadModel

    first = encode_frame(LoadModel("model", "CPU", "llm_pipeline", {}, None, 0, 256, 0)) if "worker" in child else b"\n"
    command = [sys.executable, "-c", LOAD_WHILE_WAITING[child]]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=PROJECT
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(first)
        process.stdin.flush()
        assert process.stderr.read(4) == b"True"


def test_a_standard_input_that_is_closed_is_the_end() -> None:
    code = "import os; os.close(0)\nfrom supervision.lifeline import take_stdin\nprint(os.read(take_stdin(), 1))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=PROJECT, timeout=60, check=True)
    assert done.stdout.split() == [b"b''"]

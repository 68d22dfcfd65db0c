"""With uvloop a forked child runs Python until it is another program: nothing may be collected there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = """
import asyncio, gc, os, sys
import uvloop
from supervision.spawn import spawn_process

class Garbage:
    def __init__(self):
        self.myself = self
    def __del__(self):
        os.write(2, f"{os.getpid()}\\n".encode())

async def main():
    gc.collect()
    gc.disable()
    garbage = [Garbage() for _ in range(3)]
    del garbage
    gc.enable()
    process = await spawn_process([sys.executable, "-c", ""], environment=dict(os.environ))
    assert await process.wait() == 0
    assert gc.isenabled()
    gc.collect()

# What libraries do in a forked child: new containers, at which a collection begins.
os.register_at_fork(after_in_child=lambda: [[] for _ in range(200_000)])
print(os.getpid())
uvloop.run(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="uvloop is for POSIX, and so is fork")
def test_a_forked_child_collects_no_garbage() -> None:
    """OpenVINO's destructors wait for threads, which a forked child does not have: it would never start."""
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=PROJECT, capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert set(run.stderr.split()) == {run.stdout.strip()}  # the parent collected it, the child did not

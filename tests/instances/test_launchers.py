"""A worker that is started through a launcher, as by `python.exe` in a virtual environment on Windows."""

import sys
from pathlib import Path

import psutil

from instances.handle import WORKER_COMMAND, Instance
from instances.protocol import LoadModel
from memory.readings import system_memory

MODEL = Path(__file__).resolve().parents[1] / "models" / "test_chat"
LAUNCHER = f"""
import subprocess, sys
from supervision.python import python_environment
sys.exit(subprocess.call({list(WORKER_COMMAND)!r}, env=python_environment()))
"""


async def test_it_tells_its_own_process() -> None:
    spec = LoadModel(str(MODEL), "CPU", "continuous_batching", {}, None, 512, 1, 0)
    instance = Instance(spec, command=(sys.executable, "-c", LAUNCHER))
    assert instance.pid is None
    ready = await instance.load()
    try:
        assert instance.pid == ready.pid
        worker = psutil.Process(ready.pid)
        assert worker.cmdline()[-2:] == ["-m", "instances.worker"]
        launcher = worker.parent()
        assert launcher is not None
        seen = system_memory().measure(ready.pid)
        assert seen is not None
        assert seen.resident > 2 * launcher.memory_info().rss
    finally:
        await instance.stop()
    assert not psutil.pid_exists(ready.pid)

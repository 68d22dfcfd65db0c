"""From the command to the page and to the first token, and what the processes then take of memory."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.measurements.section import Row, Section
from tests.support.helper import Helper
from tests.support.launch import DEMO_MODEL, PATIENCE_SECONDS, PROJECT
from tests.support.messages import EngineSettings, Job
from tests.support.ports import free_port

_POLL_SECONDS = 0.01
_MB = 1e6
_KV_TOKENS = 2048


class NeverStarted(Exception):
    """The suite did not answer in time."""


def starting(runs: int) -> Section:
    """The demo model on an empty data directory, with the packages installed and the disk's cache warm.

    Raises `NeverStarted` and `HelperFailed`.
    """
    page, token, admin, server, instance = ([] for _ in range(5))
    for _ in range(runs + 1):
        with tempfile.TemporaryDirectory() as folder, _suite(Path(folder)) as (process, ports, started):
            page.append(_until(f"http://127.0.0.1:{ports['admin']}/health", started))
            token.append(_until_first_token(ports["gpu"], started))
            resident = psutil.Process(process.pid).memory_info().rss
            admin.append(resident / _MB)
            server.append(_server_without_instance(ports["npu"]) / _MB)
            instance.append(_instance_bytes(ports["gpu"]) / _MB)
    return Section(
        "starting",
        "Starting, and memory",
        [
            Row("command → the page answers", page[1:], "s"),
            Row("command → first token of the demo model", token[1:], "s"),
            Row("admin process", admin[1:], "MB"),
            Row("device server without an instance", server[1:], "MB"),
            Row("instance of the demo model", instance[1:], "MB"),
            Row("the same model in a bare process", [_bare_bytes() / _MB], "MB"),
        ],
    )


@contextmanager
def _suite(data_dir: Path) -> Iterator[tuple["subprocess.Popen[bytes]", dict[str, int], float]]:
    ports = {name: free_port() for name in ("admin", "gpu", "npu")}
    model = {"id": "demo/server-guide", "path": str(DEMO_MODEL), "instance_memory_gb": 0.01}
    devices = {name: {"port": ports[name], "device": name.upper(), "models": [model]} for name in ("gpu", "npu")}
    (data_dir / "device_config.json").write_text(json.dumps(devices), encoding="utf-8")
    command = [sys.executable, "main.py", "--data-dir", str(data_dir), "--port", str(ports["admin"])]
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    try:
        yield process, ports, started
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _until(url: str, started: float) -> float:
    while time.perf_counter() - started < PATIENCE_SECONDS:
        try:
            if httpx.get(url, timeout=PATIENCE_SECONDS, trust_env=False).is_success:
                return time.perf_counter() - started
        except httpx.TransportError:
            time.sleep(_POLL_SECONDS)
    raise NeverStarted(url)


def _until_first_token(port: int, started: float) -> float:
    """Asks before the device server is there: the suite holds its socket open from the start."""
    body = {"model": "demo/server-guide", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    while time.perf_counter() - started < PATIENCE_SECONDS:
        try:
            with httpx.stream("POST", url, json=body, timeout=PATIENCE_SECONDS, trust_env=False) as response:
                for line in response.iter_lines():
                    if '"content":"' in line and '"content":""' not in line:
                        return time.perf_counter() - started
        except httpx.TransportError:
            time.sleep(_POLL_SECONDS)
    raise NeverStarted(url)


def _server_without_instance(port: int) -> int:
    health = httpx.get(f"http://127.0.0.1:{port}/health", timeout=PATIENCE_SECONDS, trust_env=False).json()
    return psutil.Process(health["pid"]).memory_info().rss


def _instance_bytes(port: int) -> int:
    memory = httpx.get(f"http://127.0.0.1:{port}/memory", timeout=PATIENCE_SECONDS, trust_env=False).json()
    return memory["models"][0]["measured_bytes"]


def _bare_bytes() -> int:
    settings = EngineSettings(str(DEMO_MODEL), "CPU", _KV_TOKENS // 32 + 1)
    with Helper("benchmarks.bare", settings) as bare:
        bare.run(Job(["hi"], 1, 4))
        return psutil.Process(bare.pid).memory_info().rss

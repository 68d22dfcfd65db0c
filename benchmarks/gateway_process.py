"""The gateway before a device server that a measurement has started."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from benchmarks.helper import PROJECT
from benchmarks.messages import Target
from benchmarks.served import HOST, ServerFailed, free_port
from keys.access import INTERNAL_KEY_VARIABLE

_START_SECONDS = 60
_END_SECONDS = 20


@contextmanager
def gateway_to(target: Target, folder: Path, *, internal_key: str) -> Iterator[Target]:
    """The same target at the gateway's address; `folder` is its device server's. Raises `ServerFailed`."""
    port = free_port()
    command = [sys.executable, "-m", "gateway_app", "--config", str(folder / "device_config.json")]
    command += ["--data-dir", str(folder), "--port", str(port), "--log-level", "warning"]
    log = folder / "gateway.log"
    environment = {**os.environ, INTERNAL_KEY_VARIABLE: internal_key}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=stream, stderr=stream, env=environment
        )
    assert process.stdin is not None
    try:
        _wait_until_healthy(port, process, log)
        yield msgspec.structs.replace(target, port=port)
    finally:
        process.stdin.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            httpx.get(f"http://{HOST}:{port}/health", trust_env=False).raise_for_status()
            return
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(log.read_text(encoding="utf-8", errors="replace")[-2000:]) from None
            time.sleep(0.05)

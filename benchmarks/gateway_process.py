"""The gateway before a device server that a measurement has started."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from benchmarks.served import HOST
from keys.access import INTERNAL_KEY_VARIABLE
from tests.support.launch import PROJECT, end, until_healthy
from tests.support.messages import Target
from tests.support.ports import free_port


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
    try:
        with httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False) as client:
            until_healthy(client, process, log)
        yield msgspec.structs.replace(target, port=port)
    finally:
        end(process)

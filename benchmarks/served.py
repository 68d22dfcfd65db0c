"""The device server as users run it, with the benchmark's model."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.helper import PROJECT
from benchmarks.messages import Target

HOST = "127.0.0.1"
MODEL_ID = "bench/model"
_START_SECONDS = 60
_LOAD_SECONDS = 600
_END_SECONDS = 20


class ServerFailed(Exception):
    """The device server did not start; str() holds the end of its log."""


@dataclass(frozen=True)
class Served:
    """A running server with one loaded instance. `idle_bytes`: the server's memory before that was loaded."""

    target: Target
    server: psutil.Process
    instance: psutil.Process
    kv_cache_tokens: int
    idle_bytes: int


@contextmanager
def serve(
    model: Path,
    folder: Path,
    *,
    device: str,
    settings: Mapping[str, Any],
    module: str = "server_app",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Runs the server with its data in `folder`; it has ended when the context is left.

    `settings` are those of the model in the configuration; `module` takes the arguments of `server_app`;
    `environment`: variables to add. Raises `ServerFailed`.
    """
    port = free_port()
    name = device.partition(".")[0].lower()
    config = folder / "device_config.json"
    assignment = {"id": MODEL_ID, "path": str(model), **settings}
    # Only the NPU's pipeline may run on something else than was asked for.
    fallback = "CPU" if device == "NPU" else None
    entry = {"port": port, "device": device, "fallback_device": fallback, "models": [assignment]}
    config.write_text(json.dumps({name: entry}), encoding="utf-8")
    command = [sys.executable, "-m", module, "--device", name, "--config", str(config)]
    command += ["--data-dir", str(folder), "--port", str(port), "--log-level", "warning"]
    log = folder / "server.log"
    variables = {**os.environ, **(environment or {})}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=stream, stderr=stream, env=variables
        )
    try:
        with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=_LOAD_SECONDS) as client:
            _wait_until_healthy(client, process, log)
            idle_bytes = psutil.Process(process.pid).memory_info().rss
            _post(client, f"/model/preload/{MODEL_ID}/1")
            [facts] = client.get("/memory").raise_for_status().json()["models"]
        yield Served(
            Target(HOST, port, f"{name}-{MODEL_ID}"),
            psutil.Process(process.pid),
            psutil.Process(facts["instances"][0]["pid"]),
            facts["kv_cache_tokens"],
            idle_bytes,
        )
    finally:
        _end(process)


def _wait_until_healthy(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            client.get("/health").raise_for_status()
            return
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(log.read_text(encoding="utf-8", errors="replace")[-2000:]) from None
            time.sleep(0.05)


def _post(client: httpx.Client, path: str) -> Any:
    response = client.post(path)
    if response.is_error:
        raise ServerFailed(response.text)
    return response.json()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

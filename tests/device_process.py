"""A device server as users run it: a process of its own, with worker processes below it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.helpers import PATIENCE, gone, wait_until
from web.listening import close_all, open_listeners

PROJECT = Path(__file__).resolve().parent.parent
DEMO = PROJECT / "models" / "demo_server-guide"
DEMO_ID = "demo/server-guide"
NPU_ON_CPU = {"NPUW_DEVICES": "CPU", "NPUW_ONLINE_PIPELINE": "NONE"}
"""Runs the real static NPU pipeline on the CPU."""


class DeviceProcess:
    """`url` is the base of its endpoints, `name` the device's key in the configuration."""

    def __init__(self, name: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self._log = log
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE)

    @property
    def model(self) -> str:
        return f"{self.name}-{DEMO_ID}"

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str) -> Any:
        return self.client.get(path).raise_for_status().json()

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def workers(self) -> list[int]:
        """The processes below the server."""
        return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]

    def health(self) -> Any:
        return self.get("/health")

    def chat(self, question: str, **options: Any) -> str:
        body = {"model": self.model, "messages": [{"role": "user", "content": question}], "temperature": 0, **options}
        answer = self.post("/v1/chat/completions", body)
        assert answer.status_code == 200, answer.text
        return answer.json()["choices"][0]["message"]["content"]


@contextmanager
def device_process(
    data_dir: Path, *, name: str = "gpu", model: dict[str, Any] | None = None, **settings: Any
) -> Iterator[DeviceProcess]:
    """Runs the server with the demo model, `model` being added to its assignment; ends it and its workers."""
    listeners = open_listeners("127.0.0.1", 0)
    port = listeners[0].getsockname()[1]
    assignment = {"id": DEMO_ID, "path": str(DEMO), **(model or {})}
    device = {"port": port, "device": name.upper(), "models": [assignment], **settings}
    others = {"npu" if name == "gpu" else "gpu": {"port": 1 if port != 1 else 2, "device": "CPU", "models": []}}
    config = data_dir / "device_config.json"
    config.write_text(json.dumps({name: device, **others}), encoding="utf-8")
    log = data_dir / f"{name}.log"
    command = [sys.executable, "-m", "server_app", "--device", name, "--config", str(config)]
    command += ["--data-dir", str(data_dir), "--port", str(port)]
    inherited: list[int] = []
    if os.name == "nt":
        close_all(listeners)
    else:
        inherited = [listener.fileno() for listener in listeners]
        command += [argument for number in inherited for argument in ("--fd", str(number))]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=stream, stderr=stream, pass_fds=inherited
        )
    close_all(listeners)
    server = DeviceProcess(name, port, process, log)
    try:
        server.health()
        yield server
    finally:
        server.client.close()
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    workers = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    for worker in workers:
        wait_until(lambda pid=worker.pid: gone(pid))

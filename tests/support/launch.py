"""Starting the product's processes for measurements and tests, and ending them for certain."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from web.listening import close_all, open_listeners

PROJECT = Path(__file__).resolve().parents[2]
DEMO_MODEL = PROJECT / "models" / "demo_server-guide"
DEMO_ID = "demo/server-guide"
NPU_ON_CPU = {"NPUW_DEVICES": "CPU", "NPUW_ONLINE_PIPELINE": "NONE"}
"""OpenVINO properties that run the NPU's static pipeline on the CPU."""

PATIENCE_SECONDS = 60


class ServerFailed(Exception):
    """A server did not start; str() holds the end of its log."""


def demo_model(**settings: Any) -> dict[str, Any]:
    """The demo model as an entry of a device's `models`."""
    return {"id": DEMO_ID, "path": str(DEMO_MODEL), **settings}


class DeviceProcess:
    """A device server in a process of its own. `url` is the base of its endpoints, `name` the device's key."""

    def __init__(self, name: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS)
        self._log = log

    @property
    def model(self) -> str:
        """The public id of the demo model here."""
        return f"{self.name}-{DEMO_ID}"

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str) -> Any:
        return self.client.get(path).raise_for_status().json()

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def health(self) -> Any:
        return self.get("/health")

    def workers(self) -> list[int]:
        """The processes of its instances, those that still load included."""
        return [child.pid for child in self.family() if _runs_an_instance(child)]

    def family(self) -> list[psutil.Process]:
        """All processes below the server."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def resident_bytes(self) -> int:
        """The server's own memory, its workers' left out."""
        return psutil.Process(self.process.pid).memory_info().rss

    def chat(self, question: str, **options: Any) -> str:
        """The demo model's greedy answer."""
        body = {"model": self.model, "messages": [{"role": "user", "content": question}], "temperature": 0, **options}
        answer = self.post("/v1/chat/completions", body)
        if answer.is_error:
            raise RuntimeError(answer.text)
        return answer.json()["choices"][0]["message"]["content"]


@contextmanager
def device_process(
    data_dir: Path,
    *,
    name: str = "gpu",
    models: list[dict[str, Any]],
    module: str = "server_app",
    options: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    **settings: Any,
) -> Iterator[DeviceProcess]:
    """Runs a device server that offers `models` (entries of the configuration) on a free port; it and its workers have
    ended when the context is left. `module` takes the arguments of `server_app`, `options` are some of them;
    `variables` are added to its environment. Raises `ServerFailed`."""
    listeners = open_listeners("127.0.0.1", 0)
    port = listeners[0].getsockname()[1]
    config = data_dir / "device_config.json"
    device = {"port": port, "device": name.upper(), "models": models, **settings}
    other = {"npu" if name == "gpu" else "gpu": {"port": 1, "device": "CPU", "models": []}}
    config.write_text(json.dumps({name: device, **other}), encoding="utf-8")
    command = [sys.executable, "-m", module, "--device", name, "--config", str(config)]
    command += ["--data-dir", str(data_dir), "--port", str(port), *options]
    inherited: list[int] = []
    if os.name == "nt":
        close_all(listeners)
    else:
        inherited = [listener.fileno() for listener in listeners]
        command += [argument for number in inherited for argument in ("--fd", str(number))]
    log = data_dir / f"{name}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            pass_fds=inherited,
        )
    close_all(listeners)
    server = DeviceProcess(name, port, process, log)
    try:
        until_healthy(server.client, process, log)
        yield server
    finally:
        server.client.close()
        end(process)


def instance_bytes(assignment: dict[str, Any], folder: Path) -> int:
    """What one instance is planned to take, once it has been measured."""
    with device_process(folder, models=[assignment]) as server:
        for _ in range(2):  # the second load knows what the first one took
            server.client.post(f"/model/preload/{assignment['id']}/1", timeout=600).raise_for_status()
            psutil.Process().cpu_percent(1.5)
            server.client.post("/model/cleanup").raise_for_status()
        server.client.post(f"/model/preload/{assignment['id']}/1", timeout=600).raise_for_status()
        return server.get("/memory")["reserved_bytes"]


def _runs_an_instance(process: psutil.Process) -> bool:
    try:
        return "instances.worker" in process.cmdline()
    except psutil.Error:
        return False


def until_healthy(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until `/health` answers. Raises `ServerFailed`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            client.get("/health").raise_for_status()
            return
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(log.read_text(encoding="utf-8", errors="replace")[-2000:]) from None
            time.sleep(0.05)


def end(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input, which ends it. Raises `RuntimeError` where one of its children outlives it."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
    if alive:
        raise RuntimeError(f"Processes outlived their server: {alive}")

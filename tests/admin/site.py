"""A whole admin server over stand-in device servers, in a folder of its own, for tests and for screenshots."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from admin_server import AdminSettings, create_app
from configuration.device_config import ConfigStore, Configuration, DeviceSettings, ModelAssignment
from configuration.server_config import ServerConfig
from conversion.conversions import Conversions
from doctor.examination import Report
from doctor.findings import Finding
from model_registry import HubSettings, ModelRegistry
from registry.disk import free_bytes
from supervision.python import python_command
from supervision.suite import Launch, Suite, Timing
from tests.support.ports import free_ports
from web.listening import close_all, open_listeners

PROJECT = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).with_name("device_server.py")
NO_HUB = "http://127.0.0.1:9"
"""Nothing listens there: a test without a hub of its own stays on this machine."""
QUICK = Timing(first_pause=0.05, longest_pause=0.2, attempts=3, poll=0.05, poll_while_starting=0.05, ask=5, insist=1)


EXAMINED = Report(
    "2026-01-01T12:00:00+00:00",
    (
        Finding("hub_ok", "ok", "network", {"endpoint": "https://huggingface.co"}),
        Finding(
            "no_access",
            "problem",
            "devices",
            {"kind": "GPU", "user": "me", "path": "/dev/dri/renderD128", "group": "render"},
            advice="advice",
            command="sudo usermod -aG render me",
        ),
        Finding(
            "runs_on_fallback",
            "warning",
            "devices",
            {"device": "NPU", "used": "CPU", "name": "Intel(R) Core(TM) Ultra 7 258V"},
            subject="npu",
        ),
        Finding("cpu_found", "ok", "devices", {"name": "Intel(R) Core(TM) Ultra 7 258V"}, subject="CPU"),
    ),
)


@dataclass(frozen=True)
class Site:
    """The parts of one admin server; `order` tells a stand-in device server what to answer."""

    data_dir: Path
    store: ConfigStore
    suite: Suite
    registry: ModelRegistry
    app: FastAPI

    def order(self, device: str, **orders: Any) -> None:
        path = self.data_dir / f"{device}.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(orders, ensure_ascii=False), encoding="utf-8")
        temporary.replace(path)


def make_site(
    data_dir: Path,
    *,
    devices: Mapping[str, DeviceSettings] | None = None,
    hub: HubSettings | None = None,
    bundled_dir: Path | None = None,
    timing: Timing = QUICK,
    port: int = 0,
    free: Callable[[Path], int] = free_bytes,
    run_devices: bool = True,
    server_config: ServerConfig | None = None,
    internal_key: str | None = None,
    conversions: Callable[[ModelRegistry], Conversions] | None = None,
) -> Site:
    """`devices`: gpu and npu without models unless given. `conversions`: those to run instead of the true ones."""
    data_dir.mkdir(parents=True, exist_ok=True)
    store = ConfigStore(data_dir / "device_config.json")
    if devices is None:
        ports = dict(zip(("gpu", "npu"), free_ports(2), strict=True))
        devices = {name: DeviceSettings(port=port, device=name.upper()) for name, port in ports.items()}
    store.save(Configuration(devices=dict(devices)))
    launch = Launch(PROJECT, data_dir, program=python_command(str(STAND_IN)))
    suite = Suite(store, launch, timing=timing, run_devices=run_devices)
    hub = hub or HubSettings(NO_HUB)
    registry = ModelRegistry(data_dir / "models", hub=hub, bundled_dir=bundled_dir, retry_wait=0.01, free=free)
    settings = AdminSettings(
        data_dir=data_dir, port=port, server_config=server_config or ServerConfig(), internal_key=internal_key
    )
    own = conversions(registry) if conversions else None
    app = create_app(settings, suite=suite, registry=registry, store=store, conversions=own)
    app.state.doctor.latest = EXAMINED  # an examination takes seconds and a core
    return Site(data_dir, store, suite, registry, app)


def add_model(
    site_or_dir: Site | Path,
    model_id: str,
    source: Path,
    *,
    size: int | None = None,
    config: Mapping[str, Any] | None = None,
) -> Path:
    """Put a copy of the model directory `source` among the local models; `size`: of its weights, sparsely."""
    models_dir = site_or_dir.data_dir / "models" if isinstance(site_or_dir, Site) else site_or_dir
    directory = models_dir / model_id.replace("/", "_")
    shutil.copytree(source, directory)
    if size is not None:
        with (directory / "openvino_model.bin").open("r+b") as stream:
            stream.truncate(size)
    if config:
        path = directory / "config.json"
        settings = json.loads(path.read_text(encoding="utf-8")) | dict(config)
        path.write_text(json.dumps(settings), encoding="utf-8")
    metadata = {"model_id": model_id, "revision": "main", "commit": "0" * 40, "downloaded_at": "2026-01-01T12:00:00Z"}
    (directory / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    return directory


def assigned(model_ids: Sequence[str]) -> list[ModelAssignment]:
    return [ModelAssignment(id=id, path=f"models/{id.replace('/', '_')}") for id in model_ids]


class LiveSite:
    """The site on a real port, in a thread of its own. To be used as a context manager."""

    def __init__(self, site: Site, *, port: int = 0) -> None:
        self.site = site
        self._listeners = open_listeners("127.0.0.1", port)
        self.port = self._listeners[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = _Server(site.app)
        self._thread = threading.Thread(target=self._server.run, args=(self._listeners,), name="admin server")

    def __enter__(self) -> LiveSite:
        self._thread.start()
        if not self._server.ready.wait(30):
            raise TimeoutError("the admin server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        close_all(self._listeners)


class _Server(uvicorn.Server):
    def __init__(self, app: FastAPI) -> None:
        super().__init__(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        self.ready = threading.Event()
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._app.state.end_streams()
        await super().shutdown(sockets)

"""Two device servers whose models say what the test wants, and the gateway before them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from configuration.device_config import ConfigStore, Configuration, DeviceSettings, ModelAssignment
from configuration.gateway_config import GATEWAY_FILE, GatewayAlias, GatewaySettings, GatewayStore
from gateway.app import GatewayContext
from gateway.app import create_app as create_gateway
from hardware.devices import DeviceInfo
from keys.access import new_internal_key
from server_app import build_device_server, create_app
from tests.apis.servers import CHAT, EMBEDDING, MODELS, Script, serving

CPU = [DeviceInfo("CPU", "Test CPU", None)]
ONLY_GPU = EMBEDDING


@dataclass
class Town:
    """`url`: the gateway's. `scripts`: what each device's chat model says, and what it was asked; `urls`: where each
    device is."""

    url: str
    data_dir: Path
    scripts: dict[str, Script]
    urls: dict[str, str]
    client: httpx.Client
    devices: dict[str, FastAPI] = field(default_factory=dict)

    @property
    def gateway(self) -> GatewayStore:
        return GatewayStore(self.data_dir / GATEWAY_FILE)

    def move(self, device: str, url: str) -> None:
        """From now on the gateway finds the device there."""
        self.urls[device] = url
        path = self.data_dir / "device_config.json"  # which it reads anew when the file has changed
        path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")

    def alias(self, name: str, model: str, **settings: object) -> None:
        alias = GatewayAlias.model_validate({"model": model, **settings})
        self.gateway.change(lambda before: before.model_copy(update={"aliases": {**before.aliases, name: alias}}))

    def chat(self, model: str, text: str = "Hello", **options: object) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **options}
        return self.client.post("/v1/chat/completions", json=body)

    def asked(self) -> dict[str, int]:
        """How many requests have reached each device's model."""
        return {name: len(script.prompts) for name, script in self.scripts.items()}


def configuration(data_dir: Path) -> ConfigStore:
    def model(model_id: str) -> ModelAssignment:
        return ModelAssignment(id=model_id, path=str(MODELS / model_id.replace("/", "_")), max_concurrent=2)

    store = ConfigStore(data_dir / "device_config.json")
    store.save(
        Configuration(
            devices={
                "gpu": DeviceSettings(port=1, device="CPU", max_queue=1, models=[model(CHAT), model(ONLY_GPU)]),
                "npu": DeviceSettings(port=2, device="CPU", max_queue=1, models=[model(CHAT)]),
            }
        )
    )
    return store


@contextmanager
def open_town(data_dir: Path, *, wait_seconds: float = 10, internal: bool = True) -> Iterator[Town]:
    store = configuration(data_dir)
    GatewayStore(data_dir / GATEWAY_FILE).change(lambda _: GatewaySettings(wait_seconds=wait_seconds))
    key = new_internal_key() if internal else None
    scripts, urls, apps = {}, {}, {}
    with ExitStack() as stack:
        for name in ("gpu", "npu"):
            scripts[name] = Script()
            server = build_device_server(
                name, store.load(), data_dir, CPU, make_instance=scripts[name].instance_maker()
            )
            apps[name] = create_app(server, host="127.0.0.1", admin_port=9, internal_key=key)
            urls[name] = stack.enter_context(serving(apps[name]))
        place = GatewayContext(data_dir, store.path, lambda name, port: urls[name], internal_key=key)
        url = stack.enter_context(serving(create_gateway(place)))
        client = stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False))
        yield Town(url, data_dir, scripts, urls, client, apps)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with open_town(tmp_path) as town:
        yield town

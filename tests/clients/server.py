"""The server that every client is tried against, and the conversation that the demo model leads with certainty."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from configuration.device_config import DeviceSettings, ModelAssignment
from gateway.app import GatewayContext
from gateway.app import create_app as create_gateway
from hardware.devices import DeviceInfo
from instances.handle import Instance
from instances.protocol import LoadModel
from keys.access import new_internal_key
from model_registry import HubSettings
from server_app import build_device_server, create_app
from tests.admin.site import LiveSite, make_site
from tests.apis.servers import EMBEDDING, MODELS, serving
from tests.hub import TestHub
from tests.support.launch import DEMO_ID, DEMO_MODEL

CHAT = f"gpu-{DEMO_ID}"
EMBED = f"gpu-{EMBEDDING}"
DIMENSIONS = 32

QUESTION = "What is OpenVINO?"
WEATHER_QUESTION = "What is the weather in Boston?"
CALLING_QUESTION = "查台北的天氣"
"""The demo model calls the tool by itself."""
TWO_CITIES_QUESTION = "What is the weather in Taipei and in Tokyo?"
WEATHER_RESULT = '{"temperature": 21, "condition": "sunny"}'
REPORTED = "temperature 21"
"""This is in the demo model's answer to that result, in either language."""
WEATHER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Service(BaseModel):
    """A type to parse answers into."""

    device: Literal["gpu", "npu"]
    port: int
    ready: bool


Entrance = Literal["device", "gateway"]


@dataclass(frozen=True)
class RunningServer:
    """`url`: the base of the addresses, the device server's own or the gateway's."""

    url: str
    hub: TestHub

    def publish(self, model_id: str) -> str:
        """Put a small chat model on the hub, ready to be pulled."""
        self.hub.add_model(model_id, MODELS / "test_chat")
        return model_id


@contextmanager
def open_server(
    data_dir: Path,
    *,
    more_models: Sequence[ModelAssignment] = (),
    make_instance: Callable[[LoadModel], Instance] = Instance,
    entrance: Entrance = "device",
) -> Iterator[RunningServer]:
    models = [
        *more_models,
        ModelAssignment(id=DEMO_ID, path=str(DEMO_MODEL), idle_timeout=-1),
        ModelAssignment(id=EMBEDDING, path=str(MODELS / "test_embedding"), idle_timeout=-1),
    ]
    gpu = DeviceSettings(port=11435, device="GPU", models=models)
    with TestHub() as hub:
        site = make_site(data_dir, devices={"gpu": gpu}, hub=HubSettings(hub.url), run_devices=False)
        with LiveSite(site) as admin:
            cpu = [DeviceInfo("CPU", "Test CPU", None)]
            device = build_device_server("gpu", site.store.load(), data_dir, cpu, make_instance=make_instance)
            key = new_internal_key()
            with serving(create_app(device, host="127.0.0.1", admin_port=admin.port, internal_key=key)) as url:
                if entrance == "device":
                    yield RunningServer(url, hub)
                    return
                place = GatewayContext(data_dir, site.store.path, lambda name, port: url, internal_key=key)
                with serving(create_gateway(place)) as gateway:
                    yield RunningServer(gateway, hub)

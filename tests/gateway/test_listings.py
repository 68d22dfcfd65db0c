"""What all devices have, in one list, whatever kind the transport is."""

from __future__ import annotations

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from configuration.device_config import DeviceSettings, ModelAssignment
from gateway.app import What, device_routes
from gateway.device import UpstreamDevice
from gateway.device_inventory import DeviceInventory
from gateway.listings import Listings
from gateway.model_router import ModelRouter, RouteTarget
from gateway.routes import GatewayRoute
from gateway.transport import Opened, T
from web.streaming import JSON

MODEL = "org/speaker"


class Speaking:
    """Every device has a model with two voices."""

    async def ask(self, device: UpstreamDevice, path: str, answer_type: type[T], *, seconds: float) -> T:
        voices = [{"id": voice, "name": voice, "model": f"{device.name}-{MODEL}"} for voice in ("one", "two")]
        return msgspec.convert({"object": "list", "voices": voices}, answer_type)

    async def open(self, target: RouteTarget, scope: Scope, body: bytes) -> Opened:
        raise NotImplementedError


@pytest.fixture
def client() -> TestClient:
    settings = DeviceSettings(port=1, device="CPU", models=[ModelAssignment(id=MODEL, path="x")])
    inventory = DeviceInventory([UpstreamDevice("gpu", settings), UpstreamDevice("cpu", settings)])
    listings = Listings(inventory, ModelRouter(inventory), Speaking())

    async def list_for(what: What, _: Request) -> Response:
        return JSON(await what(listings))

    async def pass_on(passage: GatewayRoute, scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("a list is no device's alone")

    return TestClient(Starlette(routes=device_routes(list_for, pass_on)))


@pytest.mark.parametrize("path", ["/v1/audio/voices", "/audio/voices"])
@pytest.mark.parametrize(
    ("model", "devices"),
    [(None, ["gpu", "cpu"]), (MODEL, ["gpu", "cpu"]), (f"cpu-{MODEL}", ["cpu"])],
)
def test_voices_of_all_devices_or_of_one_model(
    client: TestClient, path: str, model: str | None, devices: list[str]
) -> None:
    listed = client.get(path, params={} if model is None else {"model": model})
    found = [(voice["model"], voice["id"]) for voice in listed.json()["voices"]]
    assert found == [(f"{device}-{MODEL}", voice) for device in devices for voice in ("one", "two")]

"""One address for all devices of a cluster: the gateway, whose devices are deployments here."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from apis.access import needed_scope
from apis.errors import install_error_handlers, refusal
from configuration.device_config import DeviceSettings
from deploy.ray.in_process import InProcessRequest, Part, StartedAnswer
from gateway.app import What, device_routes
from gateway.counts import Counts
from gateway.device import ModelReport, UpstreamDevice
from gateway.device_inventory import DeviceInventory
from gateway.errors import UpstreamUnavailable
from gateway.listings import Listings
from gateway.model_router import ModelRouter, RouteTarget
from gateway.proxy import Proxy
from gateway.routes import PASSED, GatewayRoute
from gateway.transport import Opened, T
from keys.gate import client_of
from web.errors import ServiceError
from web.limits import Limits, RequestLimits
from web.streaming import JSON

Ask = Callable[[str, InProcessRequest], AsyncGenerator[Part, None]]
"""A device's name and a request → its answer. Raises `ReplicaLost` and `ServiceError`."""

_ALL_ELSE = GatewayRoute("/{path:path}", ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"), "any")
_OF_ONE_SERVER = ("/memory", "/metrics", "/model/")
_MOST_SENDINGS = 3
_GLANCE_SECONDS = 5.0
_WAIT_SECONDS = 10.0


class _Lost(ServiceError):
    status = 503
    code = "replica_lost"


class ReplicaLost(UpstreamUnavailable):
    """What answered is gone, alone or with its node."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, sent=True, error=_Lost(reason, retry_after=1))


class NotInACluster(ServiceError):
    status = 403
    code = "not_in_a_cluster"


def create_front(devices: Mapping[str, DeviceSettings], ask: Ask, *, body_bytes: int) -> FastAPI:
    """The ASGI app. Keys, hosts and origins are looked at by the devices' own apps, as on one machine."""
    front = _Front(devices, ask)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_route("/health", front.health, methods=["GET"])
    app.router.routes += device_routes(front.list_for, front.pass_on, (*PASSED, _ALL_ELSE))
    install_error_handlers(app)
    app.add_middleware(Limits, limits=RequestLimits(body_bytes, sys.maxsize), client_of=client_of, refuse=refusal)
    return app


class _Front:
    def __init__(self, devices: Mapping[str, DeviceSettings], ask: Ask) -> None:
        self._ask = ask
        self._inventory = DeviceInventory(_device(name, settings) for name, settings in devices.items())
        self._directory = ModelRouter(self._inventory)
        self._counts = Counts()

    async def pass_on(self, passage: GatewayRoute, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(_OF_ONE_SERVER) or needed_scope(scope["method"], path) == "admin":
            raise NotInACluster(
                f"{path} is about one server. A cluster's models are set in its configuration; Ray tells how it fares."
            )
        replicas = _Replicas(self._ask, scope)
        passing = Proxy(
            self._inventory,
            self._directory,
            replicas,
            self._counts,
            lambda: _WAIT_SECONDS,
            most_sendings=_MOST_SENDINGS,
        )
        await passing(passage, scope, receive, send)

    async def list_for(self, what: What, request: Request) -> ASGIApp:
        """Where no device gives its list, the answer of one says why."""
        replicas = _Replicas(self._ask, request.scope)
        listed = await what(Listings(self._inventory, self._directory, replicas, patience_seconds=_GLANCE_SECONDS))
        return JSON(listed) if replicas.answered else partial(self.pass_on, _ALL_ELSE)

    async def health(self, request: Request) -> Response:
        replicas = _Replicas(self._ask, request.scope)
        devices = self._inventory.devices()
        asking = [replicas.ask(device, "/health", dict[str, Any], seconds=_GLANCE_SECONDS) for device in devices]
        told = await asyncio.gather(*asking, return_exceptions=True)
        state = {
            "status": "ok" if replicas.answered else "unavailable",
            "devices": {
                device.name: {"status": "unavailable"} if isinstance(health, BaseException) else health
                for device, health in zip(devices, told, strict=True)
            },
        }
        return JSON(state, status_code=200 if replicas.answered else 503)


class _Replicas:
    """The transport for one caller, whose key goes with every question. `answered`: how many questions were."""

    def __init__(self, ask: Ask, caller: Scope) -> None:
        self._ask = ask
        self._caller = caller
        self.answered = 0

    async def ask(self, device: UpstreamDevice, path: str, answer_type: type[T], *, seconds: float) -> T:
        scope = {**self._caller, "method": "GET", "path": path, "query_string": b""}
        try:
            status, body = await asyncio.wait_for(self._whole(RouteTarget(device), scope), seconds)
            if status != 200:
                raise UpstreamUnavailable(f"status {status}", sent=False)
            answer = msgspec.json.decode(body, type=answer_type)
        except (asyncio.TimeoutError, ServiceError, msgspec.MsgspecError) as error:
            raise UpstreamUnavailable(str(error), sent=False) from error
        self.answered += 1
        return answer

    async def _whole(self, target: RouteTarget, scope: Scope) -> tuple[int, bytes]:
        answer = await self.open(target, scope, b"")
        pieces: list[bytes] = []
        while piece := await answer.more():
            pieces.append(piece)
        return answer.status, b"".join(pieces)

    async def open(self, target: RouteTarget, scope: Scope, body: bytes) -> Opened:
        """Its head comes with the first piece of its body: until then another replica may answer."""
        asked = InProcessRequest(
            scope["method"], scope["path"], scope["query_string"], scope["headers"], body, scope["client"]
        )
        parts = self._ask(target.device.name, asked)
        begun = await anext(parts)
        assert isinstance(begun, StartedAnswer)
        answer = _Answer(target, begun, parts)
        answer.first = await answer.more()
        return answer


class _Answer(Opened):
    def __init__(self, target: RouteTarget, begun: StartedAnswer, parts: AsyncGenerator[Part, None]) -> None:
        super().__init__(target, begun.status, begun.headers)
        self.first = b""
        self._parts = parts

    async def more(self) -> bytes:
        first, self.first = self.first, b""
        piece = first or await anext(self._parts, b"")
        assert isinstance(piece, bytes)
        return piece

    async def cut(self) -> None:
        await self._parts.aclose()


def _device(name: str, settings: DeviceSettings) -> UpstreamDevice:
    """Which of its replicas are free is Ray's to know: here it never counts as busy."""
    device = UpstreamDevice(name, settings)
    device.models = {model.id: ModelReport(loaded=True, ceiling=sys.maxsize) for model in settings.models}
    return device

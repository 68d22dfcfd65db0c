"""One address for all devices of a cluster: finds the deployment that a request is for, and passes its answer on."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from apis.access import needed_scope
from apis.errors import install_error_handlers, refusal
from configuration.device_config import DeviceSettings
from deploy.ray.in_process import InProcessRequest, Part, StartedAnswer
from gateway.errors import error_event
from gateway.requests import named_in
from gateway.routes import MERGED
from keys.gate import client_of
from pools.errors import ModelNotFound
from web.errors import ServiceError
from web.limits import Limits, RequestLimits
from web.streaming import JSON, StreamResponse, unless_disconnected

Ask = Callable[[str, InProcessRequest], AsyncGenerator[Part, None]]
"""A device's name and a request → its answer. Raises `ReplicaLost` and other kinds of `ServiceError`."""

_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
_OF_ONE_SERVER = ("/memory", "/metrics", "/model/")
_NAMED_IN_PATH = ("/v1/models/", "/models/")
_ATTEMPTS = 3
_GLANCE_SECONDS = 5.0


class ReplicaLost(ServiceError):
    """What answered is gone, alone or with its node."""

    status = 503
    code = "replica_lost"


class NotInACluster(ServiceError):
    status = 403
    code = "not_in_a_cluster"


def create_front(devices: Mapping[str, DeviceSettings], ask: Ask, *, body_bytes: int) -> FastAPI:
    """The ASGI app. Keys, hosts and origins are looked at by the devices' own apps, as on one machine."""
    front = _Front(devices, ask)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    install_error_handlers(app)
    app.add_route("/{path:path}", front.answer, methods=_METHODS)
    app.add_middleware(Limits, limits=RequestLimits(body_bytes, sys.maxsize), client_of=client_of, refuse=refusal)
    return app


class _Front:
    def __init__(self, devices: Mapping[str, DeviceSettings], ask: Ask) -> None:
        self._ask = ask
        self._devices = list(devices)
        self._device_of: dict[str, str] = {}
        for device, settings in devices.items():
            for name in (*(model.id for model in settings.models), *settings.aliases):
                self._device_of[f"{device}-{name}"] = device
                self._device_of.setdefault(name, device)

    async def answer(self, request: Request) -> Response:
        address = request.client and (request.client.host, request.client.port)
        path, query = request.scope["path"], request.scope["query_string"]
        asked = InProcessRequest(request.method, path, query, request.headers.raw, await request.body(), address)
        if path == "/health":
            return await self._health(asked)
        if path in MERGED and asked.method == "GET":
            return await self._merged(asked)
        if path.startswith(_OF_ONE_SERVER) or needed_scope(asked.method, path) == "admin":
            raise NotInACluster(
                f"{path} is about one server. A cluster's models are set in its configuration; Ray tells how it fares."
            )
        return await self._passed_on(request, self._device_for(asked), asked)

    def _device_for(self, asked: InProcessRequest) -> str:
        """The one that has the model, the first in the configuration where several do or none is named."""
        name = _model_named_in(asked)
        if name is None:
            return self._devices[0]
        for known in (name, name.removesuffix(":latest"), name.partition(":")[0]):
            if known in self._device_of:
                return self._device_of[known]
        names = ", ".join(f"'{known}'" for known in self._device_of if known.startswith(tuple(self._devices)))
        raise ModelNotFound(f"model '{name}' not found. This cluster serves {names or 'no model'}.", param="model")

    async def _passed_on(self, request: Request, device: str, asked: InProcessRequest) -> Response:
        parts = self._parts(device, asked)
        begun = await unless_disconnected(request, anext(parts))
        assert isinstance(begun, StartedAnswer)
        response = StreamResponse(_pieces(parts, asked.path, begun), media_type="", source=parts)
        response.status_code, response.raw_headers = begun.status, begun.headers
        return response

    async def _parts(self, device: str, asked: InProcessRequest) -> AsyncGenerator[Part, None]:
        """The head of the answer comes with the first piece of its body: until then another replica may answer."""
        for attempt in range(1, _ATTEMPTS + 1):
            begun: StartedAnswer | None = None
            sent = False
            try:
                async with aclosing(self._ask(device, asked)) as parts:
                    async for part in parts:
                        if isinstance(part, StartedAnswer):
                            begun = part
                            continue
                        if not sent and begun is not None:
                            yield begun
                        sent = True
                        yield part
                if not sent and begun is not None:
                    yield begun
                return
            except ReplicaLost:
                if sent or attempt == _ATTEMPTS:
                    raise

    async def _merged(self, asked: InProcessRequest) -> Response:
        """What all devices list, as one list. One that does not answer soon is left out."""
        wholes = await asyncio.gather(*(self._glance(device, asked) for device in self._devices))
        answers = [whole for whole in wholes if whole is not None]
        if not answers:
            raise ReplicaLost("No replica of any device is there yet.", retry_after=5)
        for begun, body in answers:
            if begun.status != 200:
                return _as_it_came(begun, body)
        merged: dict[str, Any] = {}
        for _, body in answers:
            for key, value in msgspec.json.decode(body).items():
                merged[key] = merged[key] + value if isinstance(value, list) and key in merged else value
        return JSON(merged)

    async def _health(self, asked: InProcessRequest) -> Response:
        wholes = await asyncio.gather(*(self._glance(device, asked) for device in self._devices))
        devices: dict[str, Any] = {
            device: msgspec.json.decode(whole[1]) if whole else {"status": "unavailable"}
            for device, whole in zip(self._devices, wholes, strict=True)
        }
        healthy = any(whole is not None for whole in wholes)
        state = {"status": "ok" if healthy else "unavailable", "devices": devices}
        return JSON(state, status_code=200 if healthy else 503)

    async def _glance(self, device: str, asked: InProcessRequest) -> tuple[StartedAnswer, bytes] | None:
        """A whole short answer, None where it does not come soon."""
        try:
            return await asyncio.wait_for(self._whole(device, asked), _GLANCE_SECONDS)
        except (asyncio.TimeoutError, ServiceError):
            return None

    async def _whole(self, device: str, asked: InProcessRequest) -> tuple[StartedAnswer, bytes]:
        parts = [part async for part in self._parts(device, asked)]
        begun = next(part for part in parts if isinstance(part, StartedAnswer))
        return begun, b"".join(part for part in parts if isinstance(part, bytes))


def _model_named_in(asked: InProcessRequest) -> str | None:
    for prefix in _NAMED_IN_PATH:
        if asked.path.startswith(prefix):
            return asked.path.removeprefix(prefix)
    named = named_in(asked.body, Headers(raw=asked.headers).get("content-type", ""))
    return named.asked if named else None  # the device's app says what is wrong with the body


async def _pieces(parts: AsyncGenerator[Part, None], path: str, begun: StartedAnswer) -> AsyncGenerator[bytes, None]:
    async with aclosing(parts):
        try:
            async for part in parts:
                if isinstance(part, bytes):
                    yield part
        except ReplicaLost as error:
            yield _last_words(path, begun, error)


def _last_words(path: str, begun: StartedAnswer, error: ReplicaLost) -> bytes:
    """The end of a stream whose replica is gone. Raises `error` where the answer is no stream: its connection ends."""
    media_type = dict(begun.headers).get(b"content-type", b"").partition(b";")[0].decode("latin-1")
    event = error_event(path, media_type, error)
    if not event:
        raise error
    return event


def _as_it_came(begun: StartedAnswer, body: bytes) -> Response:
    response = Response(body, begun.status)
    response.raw_headers = begun.headers
    return response

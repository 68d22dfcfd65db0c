"""The gateway's ASGI app, put together."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from apis.access import needed_scope
from apis.errors import install_error_handlers, refusal
from apis.ollama.version import API_VERSION
from configuration.gateway_config import GATEWAY_FILE, GatewayStore
from configuration.server_config import ServerConfig
from configuration.tuning_store import tuning_store
from gateway.counts import Counts, Exposition
from gateway.device_inventory import ConfiguredFleet
from gateway.health_watch import UpstreamHealthWatch
from gateway.listings import Listings
from gateway.model_router import ModelRouter
from gateway.proxy import Proxy
from gateway.routes import PASSED, GatewayRoute
from gateway.upstream import Upstream
from keys.access import Access
from keys.gate import CALLER, KeyGate, client_of
from keys.key_store import KEYS_FILE, KeyStore
from reports.gateway import GatewayHealth, UpstreamReport
from web.compressed_bodies import CompressedBodies
from web.guard import Guard, page_origins
from web.limits import Limits
from web.plain_paths import PlainPaths
from web.request_id import RequestId
from web.streaming import JSON

_LEAST_SILENCE_SECONDS = 5.0
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

PassOn = Callable[[GatewayRoute, Scope, Receive, Send], Awaitable[None]]
What = Callable[[Listings], Awaitable[Any]]
ListFor = Callable[[What, Request], Awaitable[ASGIApp]]
"""Gives the response with a list."""

_LISTED: dict[str, What] = {
    "/v1/models": Listings.models,
    "/models": Listings.models,
    "/api/tags": Listings.tags,
    "/api/ps": Listings.running,
}


@dataclass(frozen=True)
class GatewayContext:
    """`host`: the address it is bound to. `url_of`: a device server's base address by its name and port. `trust`: for
    connections to devices that speak TLS. `internal_key`: see `keys.access.Access`."""

    data_dir: Path
    config: Path
    url_of: Callable[[str, int], str]
    host: str = "127.0.0.1"
    admin_port: int = 11437
    scheme: str = "http"
    trust: ssl.SSLContext | None = None
    server_config: ServerConfig = field(default_factory=ServerConfig)
    internal_key: str | None = field(default=None, repr=False)


class Gateway:
    """Its parts. `open` and `close` in the event loop that serves."""

    def __init__(self, place: GatewayContext) -> None:
        self._place = place
        self.store = GatewayStore(place.data_dir / GATEWAY_FILE)
        self.inventory = ConfiguredFleet(place.config, place.url_of)
        self.directory = ModelRouter(self.inventory, self.store, tuning_store(place.data_dir))
        self.counts = Counts()
        self._started = time.monotonic()
        self._ending = False

    async def open(self) -> None:
        self.upstream = Upstream(
            internal_key=self._place.internal_key,
            tls=self._place.trust,
            clock=self.inventory.clock,
            seconds_of_silence=self._seconds_of_silence,
        )
        self.passing = Proxy(self.inventory, self.directory, self.upstream, self.counts, self._wait_seconds)
        self.listings = Listings(self.inventory, self.directory, self.upstream)
        self._watching = asyncio.create_task(
            UpstreamHealthWatch(self.inventory, self.upstream).run(), name="watch the devices"
        )

    async def close(self) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        await self.upstream.close()

    async def pass_on(self, passage: GatewayRoute, scope: Scope, receive: Receive, send: Send) -> None:
        await self.passing(passage, scope, receive, send)

    async def list_for(self, what: What, _: Request) -> Response:
        return JSON(await what(self.listings))

    def stop_waiting(self) -> None:
        """From now on a device that is away is not waited for: the gateway is about to end."""
        self._ending = True

    def _wait_seconds(self) -> float:
        return 0.0 if self._ending else self.store.current().wait_seconds

    def _seconds_of_silence(self) -> float:
        return max(_LEAST_SILENCE_SECONDS, self.store.current().wait_seconds)

    def health(self) -> GatewayHealth:
        return GatewayHealth(
            status="ok",
            pid=os.getpid(),
            uptime_seconds=round(time.monotonic() - self._started, 1),
            aliases=list(self.directory.aliases),
            config_problem=str(self.store.problem) if self.store.problem else None,
            devices=[
                UpstreamReport(
                    name=device.name,
                    url=device.url,
                    reachable=device.reachable,
                    active_requests=device.in_flight.total(),
                    answered=self.counts.answered[device.name],
                    cut=self.counts.cut[device.name],
                    repeated=self.counts.repeated[device.name],
                    passed_over=self.counts.passed_over[device.name],
                )
                for device in self.inventory.devices()
            ],
        )


def create_app(place: GatewayContext) -> Starlette:
    """Keys, limits, Host and Origin are looked at here, as a device server would; towards the devices it is the suite
    itself that asks."""
    gateway = Gateway(place)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await gateway.open()
        yield
        await gateway.close()

    config = place.server_config
    access = Access(
        KeyStore(place.data_dir / KEYS_FILE), always=config.exposed(place.host), internal_key=place.internal_key
    )
    origins = (*page_origins(place.admin_port, scheme=place.scheme), *config.allowed_origins)
    app = Starlette(
        routes=[*_own_routes(gateway), *device_routes(gateway.list_for, gateway.pass_on)],
        middleware=[
            Middleware(PlainPaths),
            Middleware(RequestId),
            Middleware(Guard, host=place.host, hosts=config.allowed_hosts, origins=origins, error=refusal),
            Middleware(KeyGate, access=access, needed=needed_scope, refuse=refusal),
            Middleware(CompressedBodies, refuse=refusal),
            Middleware(Limits, limits=config.limits(), client_of=client_of, refuse=refusal),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    install_error_handlers(app)
    app.state.gateway = gateway
    return app


def _own_routes(gateway: Gateway) -> list[Route]:
    exposition = Exposition(gateway.inventory, gateway.counts)

    async def root(_: Request) -> Response:
        return PlainTextResponse("Ollama is running")

    async def version(_: Request) -> Response:
        return JSON({"version": API_VERSION})

    async def health(request: Request) -> Response:
        """Without the key that others need it says only that the gateway is there."""
        return JSON({"status": "ok"} if request.scope.get(CALLER, True) is None else gateway.health())

    async def metrics(_: Request) -> Response:
        return Response(exposition(), media_type=METRICS_TYPE)

    endpoints = {"/": root, "/api/version": version, "/health": health, "/metrics": metrics}
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints.items()]


class _Passed:
    """The endpoint of a route that goes on to a device."""

    def __init__(self, pass_on: PassOn, passage: GatewayRoute) -> None:
        self._pass_on = pass_on
        self._passage = passage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._pass_on(self._passage, scope, receive, send)


def device_routes(list_for: ListFor, pass_on: PassOn, passages: Iterable[GatewayRoute] = PASSED) -> list[Route]:
    """What devices answer: one of them, or all in one list."""
    return [
        *(Route(path, partial(list_for, what), methods=["GET"]) for path, what in _LISTED.items()),
        *(Route(each.path, _Passed(pass_on, each), methods=list(each.methods)) for each in passages),
    ]

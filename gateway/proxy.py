"""A request on its way to a device, and the answer on its way back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from urllib.parse import quote

import msgspec
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from gateway.counts import Counts
from gateway.device_inventory import DeviceInventory
from gateway.errors import ClientLeft, NoDevice, UpstreamUnavailable, cut_off, error_event
from gateway.events import WholeEvents
from gateway.model_router import ModelRouter, RouteTarget
from gateway.requests import RoutedFields, named_in, read_whole
from gateway.routes import GatewayRoute
from gateway.transport import Opened, Transport
from pools.errors import ShuttingDown
from web.errors import InvalidRequest
from web.streaming import body_send

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.2
_BUSY = 503

FindTargets = Callable[[], Sequence[RouteTarget]]


class Proxy:
    """Passes requests on. `wait_seconds` says how long one waits for a device that is away; one that devices may have
    died of is sent `most_sendings` times."""

    def __init__(
        self,
        inventory: DeviceInventory,
        directory: ModelRouter,
        transport: Transport,
        counts: Counts,
        wait_seconds: Callable[[], float],
        *,
        most_sendings: int = 8,
    ) -> None:
        self.counts = counts
        self._inventory = inventory
        self._directory = directory
        self._transport = transport
        self._wait_seconds = wait_seconds
        self._most_sendings = most_sendings

    async def __call__(self, passage: GatewayRoute, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; when its client leaves, so does the gateway at the device. Raises `ServiceError` as long
        as nothing has been answered."""
        try:
            body = await read_whole(receive)
        except ClientLeft:
            return
        working = asyncio.ensure_future(self._answer(passage, scope, body, send))
        leaving = asyncio.ensure_future(_until_disconnect(receive))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            for task in (working, leaving):
                task.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)

    async def _answer(self, passage: GatewayRoute, scope: Scope, body: bytes, send: Send) -> None:
        find = await self._finder(passage, scope, body)
        if isinstance(find, Response):
            await find(scope, _nothing, send)
            return
        opened = await self._open(passage, scope, body, find)
        device = opened.target.device
        self.counts.answered[device.name] += 1
        if not await _relay(opened, scope, send):
            logger.warning("%s ended while it was answering", device.name)
            self.counts.cut[device.name] += 1

    async def _finder(self, passage: GatewayRoute, scope: Scope, body: bytes) -> FindTargets | Response:
        """What gives the devices to ask, looked at anew with each attempt."""
        directory = self._directory
        if passage.by == "path":
            model = scope["path_params"]["model_id"]
            return lambda: directory.targets(model)
        if passage.by == "response":
            owner = await self._owner(scope["path_params"]["response_id"])
            return lambda: owner
        named = None if passage.by == "any" else named_in(body)
        name = _name(passage, named)
        if named is None or name is None:
            return directory.anyone
        if passage.by == "pull":
            return lambda: directory.for_pull(name)
        if alias := directory.alias(name):
            if passage.by == "source":
                raise InvalidRequest(f"'{alias}' is an alias of the gateway: copy the model that it stands for.")
            if passage.by == "delete":
                await asyncio.to_thread(directory.remove_alias, alias)
                return PlainTextResponse("")
        if named.previous and len(directory.targets(name)) > 1:
            owners = {target.device.name for target in await self._owner(named.previous)}
            return lambda: sorted(directory.targets(name), key=lambda each: each.device.name not in owners)
        return lambda: directory.targets(name)

    async def _owner(self, response_id: str) -> list[RouteTarget]:
        """The device that keeps a response; any where none does, which will say so."""
        everybody = self._directory.anyone()
        if len(everybody) > 1:
            for target in everybody:
                if await self._keeps(target, response_id):
                    return [target]
        return everybody[:1]

    async def _keeps(self, target: RouteTarget, response_id: str) -> bool:
        try:
            await self._transport.ask(
                target.device, f"/v1/responses/{quote(response_id, safe='')}", msgspec.Raw, seconds=2
            )
        except UpstreamUnavailable:
            return False
        return True

    async def _open(self, passage: GatewayRoute, scope: Scope, body: bytes, find: FindTargets) -> Opened:
        """An answer that has begun. Raises `NoDevice` when no device came back in time."""
        clock = self._inventory.clock
        since: float | None = None
        sendings = 0
        while True:
            refused: Opened | None = None
            targets = find()
            try:
                for number, target in enumerate(targets):
                    try:
                        opened = await self._transport.open(target, scope, body)
                    except UpstreamUnavailable as away:
                        self._note_away(target, away)
                        sendings += away.sent
                        if away.sent and (not passage.repeatable or sendings >= self._most_sendings):
                            raise cut_off(target.device.name, away) from away
                        if away.sent:  # it was there once more
                            since = float("-inf") if away.silent else clock()
                        continue
                    if opened.code == ShuttingDown.code:
                        await opened.cut()
                        continue
                    if refused is not None:
                        await refused.cut()
                    if opened.status != _BUSY or number == len(targets) - 1:
                        return opened
                    refused = opened
                    self.counts.passed_over[target.device.name] += 1
            except BaseException:
                if refused is not None:
                    await refused.cut()
                raise
            if refused is not None:
                return refused
            since = clock() if since is None else since
            if clock() >= since + self._wait_seconds():
                names = ", ".join(dict.fromkeys(target.device.name for target in targets))
                raise NoDevice(
                    f"No device answers this now ({names}): it is starting again, or has failed. The admin page shows "
                    "which.",
                    retry_after=5,
                )
            await asyncio.sleep(_PAUSE_SECONDS)

    def _note_away(self, target: RouteTarget, away: UpstreamUnavailable) -> None:
        self.counts.repeated[target.device.name] += 1
        logger.info("%s is away: %s", target.device.name, away)


def _name(passage: GatewayRoute, named: RoutedFields | None) -> str | None:
    if named is None:
        return None
    if passage.by == "source":
        return named.copied
    if passage.by == "from":
        return named.derived_from
    return named.asked


async def _relay(opened: Opened, scope: Scope, send: Send) -> bool:
    """Pass an answer back piece by piece, as fast as the client takes them and not faster. Whether it was whole; an
    answer that is no stream and broke off is left without its end, so that the connection is closed."""
    send_body = body_send(scope, send)
    events = WholeEvents(opened.media_type)
    whole = True
    ending = b""
    await send({"type": "http.response.start", "status": opened.status, "headers": opened.headers})
    try:
        while piece := await opened.more():
            if complete := events.push(piece):
                await send_body({"type": "http.response.body", "body": complete, "more_body": True})
        ending = events.rest()
    except UpstreamUnavailable as away:
        whole = False
        ending = error_event(scope["path"], opened.media_type, cut_off(opened.target.device.name, away))
        if not ending:
            return False
    finally:
        await opened.cut()
    await send_body({"type": "http.response.body", "body": ending, "more_body": False})
    return whole


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nothing() -> dict[str, str]:
    return {"type": "http.disconnect"}

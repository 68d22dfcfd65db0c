"""Requests to device servers over kept connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import TypeVar

import aiohttp
import msgspec
from starlette.datastructures import Headers
from starlette.types import Scope
from yarl import URL

from apis.forwarded import ALIAS_HEADER, CLIENT_HEADER, KEY_HEADER
from gateway.device import UpstreamDevice
from gateway.errors import UpstreamUnavailable
from gateway.model_router import RouteTarget
from gateway.transport import Opened
from keys.gate import CALLER
from web.request_id import current_client, current_request_id

T = TypeVar("T")

_NO_ANSWER = (aiohttp.ClientError, OSError, msgspec.MsgspecError, ValueError, RecursionError, asyncio.TimeoutError)
_CONNECT_SECONDS = 5.0
_KEPT_SECONDS = 4.0
"""Less than the five after which uvicorn closes an idle connection."""
_LOOK_SECONDS = 2.0
_FIRST_BYTES_SECONDS = 1.0
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
_CREDENTIALS = {"authorization", "x-api-key", "api-key"}
# What a browser or a proxy adds says something about the gateway's own address, not about the device's.
_OF_THE_WAY = {"host", "content-length", "accept-encoding", "expect", "origin", "referer", "cookie", "forwarded"}
_NOT_PASSED_ON = _HOP_BY_HOP | _OF_THE_WAY
_NOT_PASSED_BACK = {name.encode() for name in _HOP_BY_HOP} | {b"date", b"server", b"x-request-id", b"request-id"}


class _Answer(Opened):
    """`first`: what is there of its body, None while nothing is; `coming`: what comes then."""

    def __init__(self, target: RouteTarget, response: aiohttp.ClientResponse) -> None:
        raw = ((name.lower(), value) for name, value in response.raw_headers)
        super().__init__(target, response.status, [each for each in raw if each[0] not in _NOT_PASSED_BACK])
        self.first: bytes | None = None
        self.coming: asyncio.Task[bytes] | None = None
        self._response = response
        self._counts = True

    async def read_first(self) -> None:
        """Wait a little for the body's first bytes."""
        content = self._response.content
        self.first = content.read_nowait()
        if not self.first and not content.at_eof():
            self.first = None
            self.coming = asyncio.ensure_future(content.readany())
            await asyncio.wait({self.coming}, timeout=_FIRST_BYTES_SECONDS)
            if self.coming.done():
                self.first, self.coming = self.coming.result(), None

    async def more(self) -> bytes:
        try:
            piece = await self._next()
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamUnavailable(str(error), sent=True) from error
        if not piece:
            self._response.release()  # its connection is kept for the next request
        return piece

    async def _next(self) -> bytes:
        if self.first is not None:
            first, self.first = self.first, None
            if first:
                return first
        if self.coming is not None:
            coming, self.coming = self.coming, None
            return await coming
        return await self._response.content.readany()

    async def cut(self) -> None:
        if self._counts:
            self._counts = False
            self.target.device.in_flight[self.target.model] -= 1
        if self.coming is not None:
            self.coming.cancel()
        self._response.close()


class Upstream:
    """`internal_key`: with what devices are told that it is the gateway who asks; without one the client's own keys are
    passed on. `seconds_of_silence`: what a device may take without any sign of life."""

    def __init__(
        self,
        *,
        internal_key: str | None,
        tls: ssl.SSLContext | None,
        clock: Callable[[], float],
        seconds_of_silence: Callable[[], float],
    ) -> None:
        self._internal_key = internal_key
        self._clock = clock
        self._seconds_of_silence = seconds_of_silence
        self._dropped = _NOT_PASSED_ON | (_CREDENTIALS if internal_key else set())
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_SECONDS, ssl=tls or True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
            trust_env=False,
        )

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, device: UpstreamDevice, path: str, answer_type: type[T], *, seconds: float) -> T:
        try:
            async with self._session.get(
                URL(device.url + path, encoded=True),
                headers=self._credentials(),
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                if response.status != 200:
                    raise UpstreamUnavailable(f"status {response.status}", sent=False)
                return msgspec.json.decode(await response.read(), type=answer_type)
        except _NO_ANSWER as error:
            raise UpstreamUnavailable(str(error), sent=False) from error

    async def open(self, target: RouteTarget, scope: Scope, body: bytes) -> Opened:
        """As `Transport` says. The request counts among the device's until the answer is cut."""
        device = target.device
        device.in_flight[target.model] += 1
        try:
            response = await self._head(target, scope, body)
        except BaseException as error:
            device.in_flight[target.model] -= 1
            device.reachable = device.reachable and not isinstance(error, UpstreamUnavailable)
            raise
        answer = _Answer(target, response)
        try:
            await answer.read_first()
        except (aiohttp.ClientError, OSError) as error:
            await answer.cut()
            device.reachable = False
            raise UpstreamUnavailable(str(error), sent=True) from error
        except BaseException:
            await answer.cut()
            raise
        return answer

    async def _head(self, target: RouteTarget, scope: Scope, body: bytes) -> aiohttp.ClientResponse:
        device = target.device
        query = scope["query_string"].decode("latin-1")
        path = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        asking = asyncio.ensure_future(
            self._session.request(
                scope["method"],
                URL(device.url + path, encoded=True),
                data=body or None,
                headers=self._headers(target, scope),
                allow_redirects=False,
            )
        )
        try:
            while not (await asyncio.wait({asking}, timeout=_LOOK_SECONDS))[0]:
                if self._clock() - device.heard > self._seconds_of_silence():
                    raise UpstreamUnavailable(f"{device.name} is silent", sent=True, silent=True)
            return asking.result()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise UpstreamUnavailable(str(error), sent=False) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamUnavailable(str(error), sent=True) from error
        finally:
            if not asking.done():
                asking.cancel()

    def _headers(self, target: RouteTarget, scope: Scope) -> Mapping[str, str]:
        headers = Headers(scope=scope)
        passed = {
            name: value
            for name, value in headers.items()
            if name not in self._dropped and not name.startswith(("sec-", "x-forwarded-", "x-openvino-"))
        }
        passed |= self._credentials()
        passed["x-request-id"] = current_request_id() or ""
        passed[CLIENT_HEADER] = current_client()
        caller = scope.get(CALLER)
        if caller is not None and caller.key is not None:
            passed[KEY_HEADER] = caller.key.id
        if target.alias is not None:
            passed[ALIAS_HEADER] = target.alias.encoded()
        return passed

    def _credentials(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._internal_key}"} if self._internal_key else {}

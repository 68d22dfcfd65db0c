"""How much one request and one client may take. All limits are far above what honest use needs."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from notices import Notice
from web.guard import ErrorRenderer

MAX_URL_BYTES = 8192
MAX_HEADERS = 128
MAX_HEADER_BYTES = 32_768
MAX_COMMAS = 500_000
"""Of a body: no JSON has more values than that and its levels. Millions of values, of two bytes each, are seconds of
work for the event loop before any of them is looked at; of plain text so much is longer than what models take."""
SHORT_BODY_BYTES = 1_000_000
"""Of a request that brings neither a conversation nor an image: read on the event loop, within some milliseconds."""
_BUSY_RETRY_SECONDS = 1
_MINUTE = 60.0
_MOST_CLIENTS = 10_000


@dataclass(frozen=True)
class RequestLimits:
    """`body_bytes` of one request; requests of one client at once, and within a minute (None: any number)."""

    body_bytes: int
    active_per_client: int
    per_minute: int | None = None


class Limits:
    """ASGI middleware. `client_of` names a request's client; None: not counted. `exempt` paths are
    answered however busy a client is; the bodies of all but `long_bodies` have `SHORT_BODY_BYTES` at most."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: RequestLimits,
        client_of: Callable[[Scope], str | None],
        refuse: ErrorRenderer,
        exempt: frozenset[str] = frozenset({"/health"}),
        long_bodies: Callable[[str], bool] = lambda _: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._limits = limits
        self._client_of = client_of
        self._refuse = refuse
        self._exempt = exempt
        self._long_bodies = long_bodies
        self._active: Counter[str] = Counter()
        self._allowances: dict[str, tuple[float, float]] = {}
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = self._client_of(scope)
        counted = None if scope["path"] in self._exempt else client
        refusal = self._too_large(scope) or (None if counted is None else self._too_many(scope, counted))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if client is None:
            await self._app(scope, self._counted(scope, receive), send)
            return
        self._active[client] += 1
        try:
            await self._app(scope, self._counted(scope, receive), send)
        finally:
            self._active[client] -= 1
            if not self._active[client]:
                del self._active[client]

    def _too_large(self, scope: Scope) -> Response | None:
        if len(scope["path"]) + len(scope["query_string"]) > MAX_URL_BYTES:
            return self._refuse(scope, 414, Notice("notices.limit_address", most=MAX_URL_BYTES))
        headers = scope["headers"]
        if len(headers) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
            return self._refuse(scope, 431, Notice("notices.limit_headers", count=MAX_HEADERS, most=MAX_HEADER_BYTES))
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isascii() and announced.isdigit() and int(announced[:20]) > (most := self._most_body_bytes(scope)):
            return self._refuse(scope, 413, _body_sentence(most))
        return None

    def _too_many(self, scope: Scope, client: str) -> Response | None:
        if self._active[client] >= self._limits.active_per_client:
            return self._later(
                scope, Notice("notices.limit_open_requests", count=self._active[client]), _BUSY_RETRY_SECONDS
            )
        if self._limits.per_minute is None:
            return None
        rate = self._limits.per_minute / _MINUTE
        now = self._clock()
        left, since = self._allowances.get(client, (float(self._limits.per_minute), now))
        left = min(float(self._limits.per_minute), left + (now - since) * rate)
        if left < 1:
            return self._later(
                scope, Notice("notices.limit_per_minute", most=self._limits.per_minute), int((1 - left) / rate) + 1
            )
        if len(self._allowances) >= _MOST_CLIENTS:
            self._allowances.clear()
        self._allowances[client] = (left - 1, now)
        return None

    def _later(self, scope: Scope, sentence: str, seconds: int) -> Response:
        response = self._refuse(scope, 429, Notice("notices.try_again_in", sentence=sentence, seconds=seconds))
        response.headers["Retry-After"] = str(seconds)
        return response

    def _most_body_bytes(self, scope: Scope) -> int:
        most = self._limits.body_bytes
        return most if self._long_bodies(scope["path"]) else min(most, SHORT_BODY_BYTES)

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """Raises an HTTPException once more has come than a body may have; not every client announces its length."""
        most = self._most_body_bytes(scope)
        received = commas = 0

        async def counted() -> Message:
            nonlocal received, commas
            message = await receive()
            body = message.get("body", b"")
            received += len(body)
            commas += body.count(b",")
            if received > most:
                raise HTTPException(413, _body_sentence(most))
            if commas > MAX_COMMAS:
                raise HTTPException(413, Notice("notices.limit_values", most=MAX_COMMAS))
            return message

        return counted


def _body_sentence(most: int) -> str:
    return Notice("notices.limit_body", most=f"{most / 1000000.0:g}")

"""Requests that have come but not yet reached a model: those that come together may so begin together."""

import asyncio
import itertools
from collections.abc import Callable
from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

_LONGEST_SECONDS = 0.1
_over: ContextVar[Callable[[], None] | None] = ContextVar("arrival_over", default=None)


def arrived() -> None:
    """The current request has reached its model: others need not wait for it any more."""
    over = _over.get()
    if over is not None:
        over()


class ArrivalCounter:
    """Those of one server. A request counts until `arrived`, its end, or `longest` seconds, whatever comes first."""

    def __init__(self, *, longest: float = _LONGEST_SECONDS) -> None:
        self._longest = longest
        self._numbers = itertools.count()
        self._coming: dict[int, asyncio.TimerHandle] = {}
        self._all_there: asyncio.Future[None] | None = None

    def begin(self) -> Callable[[], None]:
        """Count one request; call what is given back when it is over, once or more often."""
        number = next(self._numbers)

        def over() -> None:
            timer = self._coming.pop(number, None)
            if timer is not None:
                timer.cancel()
                self._wake()

        self._coming[number] = asyncio.get_running_loop().call_later(self._longest, over)
        return over

    def _wake(self) -> None:
        if not self._coming and self._all_there is not None:
            self._all_there.set_result(None)
            self._all_there = None

    async def settle(self) -> None:
        """Wait until no request is on its way, or for `longest` seconds. Does not wait at all when there is none."""
        if self._coming:
            if self._all_there is None:
                self._all_there = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._all_there], timeout=self._longest)


class CountArrivals:
    """ASGI middleware that counts calls of models. `is_counted` takes the path of a POST request."""

    def __init__(self, app: ASGIApp, *, arrivals: ArrivalCounter, is_counted: Callable[[str], bool]) -> None:
        self._app = app
        self._arrivals = arrivals
        self._is_counted = is_counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not self._is_counted(scope["path"]):
            await self._app(scope, receive, send)
            return
        over = self._arrivals.begin()
        token = _over.set(over)
        try:
            await self._app(scope, receive, send)
        finally:
            _over.reset(token)
            over()

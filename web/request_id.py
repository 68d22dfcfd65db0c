"""Who asks, and a name for every request: in the response's headers, in the log, in Anthropic's error bodies."""

import logging
import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:/=+-]{1,128}")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)
_client: ContextVar[str] = ContextVar("client", default="")


def current_request_id() -> str | None:
    """The id of the request that is being answered; None outside of one."""
    return _current.get()


def current_client() -> str:
    """Whose request is being answered: the address it came from; empty outside of one."""
    return _client.get()


class RequestIdFilter(logging.Filter):
    """Gives what is logged while a request is answered its id; `as_prefix`: in the text, too."""

    def __init__(self, *, as_prefix: bool = True) -> None:
        super().__init__()
        self._as_prefix = as_prefix

    def filter(self, record: logging.LogRecord) -> bool:
        request_id = current_request_id()
        if request_id is not None and not getattr(record, "request_id", None):
            record.request_id = request_id
            if self._as_prefix:
                record.msg = f"[{request_id}] {record.msg}"
        return True


class RequestId:
    """ASGI middleware: takes the client's `x-request-id` or draws one, sends it back, logs the request's end.

    It is also sent as `request-id`, the header in which Anthropic's clients look for it. Reading is logged for
    debugging only, and so are `quiet` requests (by method and path) that succeed.
    """

    def __init__(self, app: ASGIApp, *, quiet: Callable[[str, str], bool] = lambda method, path: False) -> None:
        self._app = app
        self._quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("x-request-id", "")
        request_id = wanted if _ACCEPTABLE.fullmatch(wanted) else f"req_{secrets.token_hex(12)}"
        started = time.monotonic()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = headers["request-id"] = request_id
            await send(message)

        token = _current.set(request_id)
        client_token = _client.set((scope.get("client") or ("",))[0])
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            method, path = scope["method"], scope["path"]
            quiet = method in ("GET", "HEAD") or (self._quiet(method, path) and status < 400)
            seconds = time.monotonic() - started
            logger.log(logging.DEBUG if quiet else logging.INFO, "%s %s %d %.3f s", method, path, status, seconds)
            _client.reset(client_token)
            _current.reset(token)

"""What the gateway says of a request that it passes on: whose it is, and what its alias stands for.

Only the suite's own processes are believed: they present the internal key.
"""

import base64
import binascii
from contextvars import ContextVar

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from activity.request_log import note_client, note_key
from configuration.sampling import SamplingParams
from keys.gate import CALLER

CLIENT_HEADER = "x-openvino-client"
KEY_HEADER = "x-openvino-key"
"""The id of the key that the client presented, not its secret."""
ALIAS_HEADER = "x-openvino-alias"


class ForwardedAlias(msgspec.Struct, frozen=True):
    """Under `name` a client asks for `model`, with a system prompt and defaults for sampling."""

    name: str
    model: str
    system: str | None = None
    sampling: SamplingParams = SamplingParams()

    def encoded(self) -> str:
        """As a header's value."""
        return base64.b64encode(msgspec.json.encode(self)).decode("ascii")


_current: ContextVar[ForwardedAlias | None] = ContextVar("forwarded_alias", default=None)


def forwarded_alias(name: str) -> ForwardedAlias | None:
    """What `name` stands for in the request that is being answered."""
    alias = _current.get()
    return alias if alias is not None and alias.name == name else None


class Forwarded:
    """ASGI middleware, to stand behind the key gate."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope.get(CALLER)
        if scope["type"] != "http" or caller is None or not caller.internal:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if client := headers.get(CLIENT_HEADER):
            note_client(client)
        if key := headers.get(KEY_HEADER):
            note_key(key)
        token = _current.set(_decoded(headers.get(ALIAS_HEADER, "")))
        try:
            await self._app(scope, receive, send)
        finally:
            _current.reset(token)


def _decoded(text: str) -> ForwardedAlias | None:
    try:
        return msgspec.json.decode(base64.b64decode(text, validate=True), type=ForwardedAlias) if text else None
    except (binascii.Error, msgspec.MsgspecError):
        return None

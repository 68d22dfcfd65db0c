"""ASGI middleware that lets in those who present a key, once keys are needed."""

import asyncio
import logging
from collections.abc import Callable, Iterator

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from keys.access import Access, Caller
from keys.errors import KeysUnreadable
from keys.key import MAX_SECRET_LENGTH, Key, KeyScope

logger = logging.getLogger(__name__)

CALLER = "caller"
"""The scope's entry for the authenticated caller; None for public routes called without a key."""

_KEY_HEADERS = ("x-api-key", "api-key")
_MISSING = "This server needs an API key: send it as 'Authorization: Bearer KEY', 'x-api-key' or 'api-key'."
_WRONG = "This API key is not valid. It may have been revoked."
_UNREADABLE = "The server cannot read its keys, so all access is denied. See its log."

NeededScope = Callable[[str, str], KeyScope | None]
"""Method and path → what the caller's key must allow; None: everybody may."""

Refuse = Callable[[Scope, int, str], Response]


class KeyGate:
    """`needed` says what each request takes. `session` finds the caller in what a browser sends by itself."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        needed: NeededScope,
        refuse: Refuse,
        session: Callable[[Headers], Caller | None] = lambda headers: None,
    ) -> None:
        self._app = app
        self._access = access
        self._needed = needed
        self._refuse = refuse
        self._session = session
        self._notes: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        needed = self._needed(scope.get("method", "GET"), scope["path"])
        headers = Headers(scope=scope)
        try:
            caller = self._caller(headers) if self._access.required() else self._anybody(headers)
        except KeysUnreadable as error:
            logger.error("%s", error)
            scope[CALLER] = None
            return None if needed is None else self._refuse(scope, 503, _UNREADABLE)
        scope[CALLER] = caller
        if caller is not None and caller.key is not None:
            self._note_use(caller.key)
        if needed is None:
            return None
        if caller is None:
            response = self._refuse(scope, 401, _WRONG if any(presented_secrets(headers)) else _MISSING)
            response.headers.setdefault("WWW-Authenticate", "Bearer")
            return response
        if not caller.allows(needed):
            return self._refuse(scope, 403, f"This API key lacks the scope {needed}.")
        return None

    def _caller(self, headers: Headers) -> Caller | None:
        for secret in presented_secrets(headers):
            caller = self._access.caller(secret)
            if caller is not None:
                return caller
        return self._session(headers)

    def _anybody(self, headers: Headers) -> Caller:
        """Where no key is needed, the suite's own processes are known all the same."""
        return Caller(internal=any(map(self._access.is_internal, presented_secrets(headers))))

    def _note_use(self, key: Key) -> None:
        if self._notes or not self._access.store.use_is_stale(key):
            return
        note = asyncio.create_task(self._write_use(key))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def _write_use(self, key: Key) -> None:
        try:
            await asyncio.to_thread(self._access.store.note_use, key.id)
        except (OSError, KeysUnreadable) as error:
            logger.warning("The use of a key could not be written down: %s", error)


def presented_secrets(headers: Headers) -> Iterator[str]:
    """What a client sends as its key, in every form that clients have."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    candidates = [credentials if scheme.lower() == "bearer" else "", *(headers.get(name, "") for name in _KEY_HEADERS)]
    for candidate in candidates:
        if 0 < len(secret := candidate.strip()) <= MAX_SECRET_LENGTH:
            yield secret


def client_of(scope: Scope) -> str | None:
    """The client that a request counts for: its key, else its address; None for the suite's own calls, which have
    been counted already."""
    caller = scope.get(CALLER)
    if caller is not None and caller.internal:
        return None
    if caller is not None and caller.key is not None:
        return f"key {caller.key.id}"
    return (scope.get("client") or ("",))[0]

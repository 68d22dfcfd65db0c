"""Sessions of the admin page: a browser that has shown a key is known by a cookie for a while."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from keys.access import Caller
from keys.key_store import KeyStore

SESSION_COOKIE = "openvino_session"
SESSION_SECONDS = 7 * 24 * 3600
_MOST_SESSIONS = 1000


@dataclass(frozen=True)
class _Session:
    key_id: str
    ends: float


class Sessions:
    """In memory only: they end with the process, with their key, and after a week."""

    def __init__(self, store: KeyStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._sessions: dict[str, _Session] = {}

    def open(self, key_id: str) -> str:
        """The new session's cookie."""
        now = self._clock()
        self._sessions = {token: each for token, each in self._sessions.items() if each.ends > now}
        while len(self._sessions) >= _MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        token = secrets.token_urlsafe(32)
        self._sessions[token] = _Session(key_id, now + SESSION_SECONDS)
        return token

    def close(self, token: str) -> None:
        self._sessions.pop(token, None)

    def caller(self, headers: Headers) -> Caller | None:
        """Whose session the request's cookie names. Raises `KeysUnreadable`."""
        session = self._sessions.get(session_token(headers))
        if session is None or session.ends <= self._clock():
            return None
        key = self._store.get(session.key_id)
        return Caller(key) if key else None


def session_token(headers: Headers) -> str:
    return cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE, "")

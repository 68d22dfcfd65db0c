"""Sessions of the admin page: a browser that has shown a key is known by a cookie for a while."""

import contextlib
import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from keys.access import Caller
from keys.key import digest_of
from keys.key_store import KeyStore
from storage.files import BROKEN_FILE, read_bytes, write_atomically

logger = logging.getLogger(__name__)

SESSION_COOKIE = "openvino_session"
SESSION_SECONDS = 7 * 24 * 3600
SESSIONS_FILE = ".sessions.json"
_MOST_SESSIONS = 1000


class _Session(msgspec.Struct, frozen=True):
    """`ends`: seconds since the epoch."""

    key_id: str
    ends: float


class Sessions:
    """They end with their key and after a week. `path` keeps them over a restart, readable by its owner alone: of each
    cookie only the SHA-256, as of keys. A file that cannot be read means that everybody logs in again."""

    def __init__(self, store: KeyStore, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._path = path
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        with contextlib.suppress(*BROKEN_FILE):
            self._sessions = msgspec.json.decode(read_bytes(path), type=dict[str, _Session])

    def open(self, key_id: str) -> str:
        """The new session's cookie."""
        now = self._clock()
        self._sessions = {digest: each for digest, each in self._sessions.items() if each.ends > now}
        while len(self._sessions) >= _MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        token = secrets.token_urlsafe(32)
        self._sessions[digest_of(token)] = _Session(key_id, now + SESSION_SECONDS)
        self._save()
        return token

    def close(self, token: str) -> None:
        if self._sessions.pop(digest_of(token), None):
            self._save()

    def caller(self, headers: Headers) -> Caller | None:
        """Whose session the request's cookie names. Raises `KeysUnreadable`."""
        token = session_token(headers)
        session = self._sessions.get(digest_of(token)) if token else None
        if session is None or not 0 < session.ends - self._clock() <= SESSION_SECONDS:
            return None
        key = self._store.get(session.key_id)
        return Caller(key) if key else None

    def _save(self) -> None:
        try:
            write_atomically(self._path, msgspec.json.encode(self._sessions), private=True, durable=False)
        except OSError as error:
            logger.warning("Sessions of the page will not outlive this run: %s", error)


def session_token(headers: Headers) -> str:
    return cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE, "")

"""The keys of one data directory, in a file that only its owner can read.

The admin server, every device server and the command line read and write the same file: a change by one of them is
seen by the others at the next request.
"""

import hmac
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from keys.errors import InvalidKeyName, KeyNameTaken, KeysUnreadable, LastAdminKey, UnknownKey
from keys.key import MAX_NAME_LENGTH, MAX_SECRET_LENGTH, SCOPES, Key, KeyScope, digest_of, new_key, new_secret
from storage.files import BROKEN_FILE
from storage.json_store import JsonStore

KEYS_FILE = "keys.json"
USE_NOTED_EVERY_SECONDS = 60
"""Writing down each use of a key would cost a write to the disk for each request."""


class _Document(msgspec.Struct):
    keys: list[Key] = []
    version: int = 1


class KeyStore:
    """All methods may be called from any thread. Each raises `KeysUnreadable`, and OSError where writing fails."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._file = JsonStore[tuple[Key, ...]](path, self._decoded, _encoded, missing=(), private=True)

    def all(self) -> tuple[Key, ...]:
        """In the order of their making."""
        try:
            return self._file.read()
        except OSError as error:
            raise KeysUnreadable(self.path, error.strerror or str(error)) from error

    def create(self, name: str, scopes: Sequence[KeyScope]) -> tuple[Key, str]:
        """A new key and its secret, which is told here and never again.

        Raises `InvalidKeyName`, `KeyNameTaken`, and `LastAdminKey` for a first key that could not manage keys.
        """
        name = _checked_name(name)
        ordered: tuple[KeyScope, ...] = tuple(scope for scope in SCOPES if scope in scopes)
        with self._file.locked():
            keys = self.all()
            if any(key.name == name for key in keys):
                raise KeyNameTaken(f'There is a key "{name}" already; choose another name.')
            if not ordered:
                raise InvalidKeyName(f"A key needs a scope: {' or '.join(SCOPES)}.")
            if "admin" not in ordered and not _admin_keys(keys):
                raise LastAdminKey("The first key needs the admin scope. Without it, no one could manage keys.")
            secret = new_secret()
            key = new_key(name, ordered, secret, self._clock())
            self._file.write((*keys, key))
        return key, secret

    def revoke(self, id_or_name: str, *, keep_an_admin: bool = False) -> Key:
        """The key that is no longer one. With `keep_an_admin` the last key that may manage keys stays: `LastAdminKey`.
        Where others remain it stays in any case. Raises `UnknownKey`."""
        with self._file.locked():
            keys = self.all()
            key = next((key for key in keys if id_or_name in (key.id, key.name)), None)
            if key is None:
                raise UnknownKey(f'There is no key "{id_or_name}".')
            others = tuple(each for each in keys if each.id != key.id)
            if not _admin_keys(others) and (others or keep_an_admin):
                raise LastAdminKey(f'"{key.name}" is the last key that can manage keys. Create another one first.')
            self._file.write(others)
        return key

    def find(self, secret: str) -> Key | None:
        """Whose secret this is. Every key is compared, so that the time taken tells nothing."""
        if not secret or len(secret) > MAX_SECRET_LENGTH:
            return None
        wanted = digest_of(secret)
        found = None
        for key in self.all():
            if hmac.compare_digest(key.digest, wanted):
                found = key
        return found

    def get(self, key_id: str) -> Key | None:
        return next((key for key in self.all() if key.id == key_id), None)

    def use_is_stale(self, key: Key) -> bool:
        """Whether `note_use` would write; without touching the disk."""
        return key.last_used is None or self._clock() - key.last_used >= USE_NOTED_EVERY_SECONDS

    def note_use(self, key_id: str) -> None:
        """Remember that the key was used now. Blocks for a write to the disk, once a minute."""
        with self._file.locked():
            keys = list(self.all())
            for index, key in enumerate(keys):
                if key.id == key_id and self.use_is_stale(key):
                    keys[index] = msgspec.structs.replace(key, last_used=self._clock())
                    self._file.write(tuple(keys))

    def _decoded(self, data: bytes) -> tuple[Key, ...]:
        try:
            return tuple(msgspec.json.decode(data, type=_Document).keys)
        except BROKEN_FILE as error:
            raise KeysUnreadable(self.path, str(error)) from error


def _encoded(keys: tuple[Key, ...]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_Document(list(keys))), indent=2) + b"\n"


def _admin_keys(keys: Sequence[Key]) -> list[Key]:
    return [key for key in keys if key.allows("admin")]


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidKeyName(f"A key's name has 1 to {MAX_NAME_LENGTH} printable characters.")
    return name

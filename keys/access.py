"""Whether a secret is needed, and who the one that presents it is."""

import hmac
import os
import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass

from keys.key import Key, KeyScope, digest_of
from keys.key_store import KeyStore

INTERNAL_KEY_VARIABLE = "OVMS_INTERNAL_KEY"
"""How the admin server hands its own key to the other servers: an argument would stand in the list of processes."""


@dataclass(frozen=True)
class Caller:
    """Who asks; `key` None: the suite itself (`internal`), or anybody where no keys are needed."""

    key: Key | None = None
    internal: bool = False

    def allows(self, scope: KeyScope) -> bool:
        return self.key is None or self.key.allows(scope)


class Access:
    """`always`: keys are needed even while there are none, as for a server that others can reach. `internal_key`: a
    secret of this run with which the suite's own processes call one another."""

    def __init__(self, store: KeyStore, *, always: bool = False, internal_key: str | None = None) -> None:
        self.store = store
        self.always = always
        self.internal_key = internal_key
        self._internal_digest = digest_of(internal_key) if internal_key else None

    def required(self) -> bool:
        """Raises `KeysUnreadable`."""
        return self.always or bool(self.store.all())

    def caller(self, secret: str) -> Caller | None:
        """The key that this secret belongs to, None if unknown. Raises `KeysUnreadable`."""
        if self.is_internal(secret):
            return Caller(internal=True)
        key = self.store.find(secret)
        return Caller(key) if key else None

    def is_internal(self, secret: str) -> bool:
        """Whether it is the secret of this run."""
        return self._internal_digest is not None and hmac.compare_digest(digest_of(secret), self._internal_digest)


def new_internal_key() -> str:
    return secrets.token_urlsafe(32)


def take_internal_key(environment: MutableMapping[str, str] = os.environ) -> str | None:
    """The key handed to this process; it is taken out of the environment, which its children inherit."""
    return environment.pop(INTERNAL_KEY_VARIABLE, None)

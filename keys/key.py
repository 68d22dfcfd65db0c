"""What a key is, and what is kept of it."""

import hashlib
import secrets
from typing import Any, Literal, get_args

import msgspec

KeyScope = Literal["inference", "admin"]
"""`inference`: ask the models. `admin`: that, and manage the server."""

SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)
MAX_NAME_LENGTH = 80
MAX_SECRET_LENGTH = 512

_PREFIX = "ovk-"
_HINT_LENGTH = len(_PREFIX) + 4


class Key(msgspec.Struct, frozen=True):
    """A key as it is kept: never its secret, only the secret's SHA-256 in hexadecimal.

    A secret is 256 random bits, so no slow hash is needed: there is nothing to guess. `hint`: the secret's beginning,
    by which its owner knows it. Times in seconds since the epoch.
    """

    id: str
    name: str
    scopes: tuple[KeyScope, ...]
    digest: str
    hint: str
    created: float
    last_used: float | None = None

    def described(self) -> dict[str, Any]:
        """Everything except the digest."""
        return {
            "id": self.id,
            "name": self.name,
            "scopes": list(self.scopes),
            "hint": self.hint,
            "created": self.created,
            "last_used": self.last_used,
        }

    def allows(self, scope: KeyScope) -> bool:
        return scope in self.scopes or "admin" in self.scopes


def new_secret() -> str:
    return _PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_key(name: str, scopes: tuple[KeyScope, ...], secret: str, created: float) -> Key:
    return Key(secrets.token_hex(4), name, scopes, digest_of(secret), secret[:_HINT_LENGTH], created)

"""The keys as the settings show them."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from keys.access import Access, Caller
from keys.errors import KeysUnreadable
from keys.gate import CALLER
from keys.key import Key


@dataclass(frozen=True)
class KeyList:
    """`exposed`: others can reach the server. `own`: id of the key that the reader has come in with."""

    all: tuple[Key, ...]
    required: bool
    exposed: bool
    own: str | None
    problem: bool = False

    @classmethod
    def of(cls, access: Access, request: Request) -> KeyList:
        caller: Caller | None = request.scope.get(CALLER)
        own = caller.key.id if caller and caller.key else None
        try:
            return cls(access.store.all(), access.required(), access.always, own)
        except KeysUnreadable:
            return cls((), True, access.always, own, problem=True)

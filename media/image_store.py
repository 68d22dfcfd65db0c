"""Finished pictures that are fetched by address: kept in memory, for a bounded time."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

KEPT_SECONDS = 3600.0
"""As OpenAI keeps them."""
_MOST_BYTES = 200 * 10**6


class ImageStore:
    """The oldest go first when there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes, str]] = OrderedDict()
        self._bytes = 0

    def put(self, data: bytes, media_type: str) -> str:
        """The name under which it is kept, which cannot be guessed."""
        self._drop_old()
        name = secrets.token_urlsafe(24)
        self._kept[name] = (self._clock(), data, media_type)
        self._bytes += len(data)
        while self._bytes > _MOST_BYTES and len(self._kept) > 1:
            self._drop_first()
        return name

    def get(self, name: str) -> tuple[bytes, str] | None:
        """Bytes and media type."""
        self._drop_old()
        kept = self._kept.get(name)
        return kept[1:] if kept else None

    def _drop_old(self) -> None:
        while self._kept and self._clock() - next(iter(self._kept.values()))[0] > KEPT_SECONDS:
            self._drop_first()

    def _drop_first(self) -> None:
        _, (_, data, _) = self._kept.popitem(last=False)
        self._bytes -= len(data)

"""Whether there is a newer version of this server. Nothing is asked unless it was switched on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from packaging.version import InvalidVersion, Version

logger = logging.getLogger(__name__)

PACKAGE_URL = "https://pypi.org/pypi/openvino-multi-model-server/json"
_ASK_SECONDS = 24 * 3600.0
_TIMEOUT_SECONDS = 15.0
_MOST_BYTES = 5_000_000

Fetch = Callable[[], Awaitable[Any]]


class UpdateWatch:
    """`fetch` brings what PyPI says of the package, as parsed JSON."""

    def __init__(self, version: str, *, enabled: bool, fetch: Fetch | None = None) -> None:
        self._version = Version(version)
        self._fetch = fetch or ask_pypi
        self._enabled = enabled
        self._latest: Version | None = None
        self._wake = asyncio.Event()

    @property
    def enabled(self) -> bool:
        return self._enabled

    def turn(self, enabled: bool) -> None:
        self._enabled = enabled
        self._latest = None
        self._wake.set()

    @property
    def newer(self) -> str | None:
        """The newest version, if it is newer than this one."""
        latest = self._latest if self._enabled else None
        return str(latest) if latest and latest > self._version else None

    async def run(self) -> None:
        """Ask once a day while it is switched on, until cancelled. Without an answer nothing is said."""
        while True:
            self._wake.clear()
            if self._enabled:
                await self._ask()
            try:
                await asyncio.wait_for(self._wake.wait(), _ASK_SECONDS)
            except asyncio.TimeoutError:
                continue

    async def _ask(self) -> None:
        try:
            latest = Version(str((await self._fetch())["info"]["version"]))
        except (httpx.HTTPError, InvalidVersion, ValueError, LookupError, TypeError) as error:
            logger.info("Whether there is a newer version is not known: %s", error)
            return
        self._latest = latest if not latest.is_prerelease else None


async def ask_pypi() -> Any:
    """Raises `httpx.HTTPError`, and ValueError on what is no JSON."""
    async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
        response = await client.get(PACKAGE_URL, headers={"Accept": "application/json"})
        response.raise_for_status()
        if len(response.content) > _MOST_BYTES:
            raise ValueError("the answer is too long")
        return response.json()

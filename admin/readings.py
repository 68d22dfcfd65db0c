"""Asks the running device servers how their memory is used, while somebody watches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from admin.live import LiveFeed
from devices.supervisor import DeviceStatus, Suite
from web.listening import reachable_address

READ_SECONDS = 1.0
ANSWER_SECONDS = 2.0


class MemoryReadings:
    def __init__(self, suite: Suite, *, host: str) -> None:
        self._suite = suite
        self._address = reachable_address(host)
        self._latest: dict[str, Mapping[str, Any]] = {}

    def of(self, device: str) -> Mapping[str, Any]:
        """The device's last answer to GET /memory; empty while there is none."""
        return self._latest.get(device, {})

    async def run(self, feed: LiveFeed) -> None:
        """Read until cancelled."""
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as client:
            while True:
                await feed.watched()
                statuses = self._suite.statuses()
                answers = await asyncio.gather(*(self._read(client, status) for status in statuses))
                self._latest = {status.name: answer for status, answer in zip(statuses, answers, strict=True)}
                await asyncio.sleep(READ_SECONDS)

    async def _read(self, client: httpx.AsyncClient, status: DeviceStatus) -> Mapping[str, Any]:
        if status.state != "running":
            return {}
        try:
            response = await client.get(f"http://{self._address}:{status.port}/memory")
            answer = response.json()
        except (httpx.HTTPError, ValueError):
            return {}
        return answer if response.status_code == 200 and isinstance(answer, dict) else {}

"""Asks the devices how they are, so that a request finds out at once who is free."""

from __future__ import annotations

import asyncio

from gateway.device import UpstreamDevice
from gateway.device_inventory import DeviceInventory
from gateway.errors import UpstreamUnavailable
from gateway.transport import Transport
from reports.device import Live

_EVERY_SECONDS = 0.5
_PATIENCE_SECONDS = 2.0
_NOTHING_OF_REQUESTS = f"/live?since={2**62}"


class UpstreamHealthWatch:
    def __init__(self, inventory: DeviceInventory, transport: Transport) -> None:
        self._inventory = inventory
        self._transport = transport

    async def run(self) -> None:
        """Ask all devices twice a second, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY_SECONDS)

    async def look(self) -> None:
        await asyncio.gather(*map(self._ask, self._inventory.devices()))

    async def _ask(self, device: UpstreamDevice) -> None:
        try:
            answer = await self._transport.ask(device, _NOTHING_OF_REQUESTS, Live, seconds=_PATIENCE_SECONDS)
        except UpstreamUnavailable:
            device.reachable = False
        else:
            device.hear(answer, self._inventory.clock())

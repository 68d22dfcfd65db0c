"""What all devices have, in one list: models, tags, loaded models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.device import UpstreamDevice
from gateway.device_inventory import DeviceInventory
from gateway.errors import UpstreamUnavailable
from gateway.model_router import ModelRouter
from gateway.transport import Transport
from pools.errors import ModelNotFound

Entry = dict[str, Any]


class _Listing(msgspec.Struct):
    """`data` is what OpenAI's and Anthropic's lists have, `models` Ollama's."""

    data: list[Entry] = []
    models: list[Entry] = []


class Listings:
    """Where a device does not answer, what it last said stands in for it: it may be starting again."""

    def __init__(
        self, inventory: DeviceInventory, directory: ModelRouter, transport: Transport, *, patience_seconds: float = 2.0
    ) -> None:
        self._inventory = inventory
        self._directory = directory
        self._transport = transport
        self._patience_seconds = patience_seconds
        self._last: dict[tuple[str, str], list[Entry]] = {}

    async def models(self) -> Entry:
        """OpenAI's and Anthropic's list."""
        entries = await self._gather("/v1/models")
        data = [*entries, *self._aliases(entries, "id", _as_model)]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
        return {"object": "list", "data": data, "has_more": False, **ends}

    async def tags(self) -> Entry:
        """Ollama's list."""
        entries = await self._gather("/api/tags")
        return {"models": [*entries, *self._aliases(entries, "name", _as_tag)]}

    async def running(self) -> Entry:
        """Ollama's list of what is loaded; devices that do not answer are taken to have nothing loaded."""
        entries = await self._gather("/api/ps", keep=False)
        return {"models": sorted(entries, key=lambda entry: entry["expires_at"], reverse=True)}

    async def _gather(self, path: str, *, keep: bool = True) -> list[Entry]:
        lists = await asyncio.gather(*(self._one(each, path, keep) for each in self._inventory.devices()))
        return [entry for entries in lists for entry in entries]

    async def _one(self, device: UpstreamDevice, path: str, keep: bool) -> list[Entry]:
        try:
            answer = await self._transport.ask(device, path, _Listing, seconds=self._patience_seconds)
        except UpstreamUnavailable:
            return self._last.get((device.name, path), []) if keep else []
        entries = self._last[device.name, path] = [*answer.data, *answer.models]
        return entries

    def _aliases(self, entries: list[Entry], key: str, described: Callable[[Entry, str], Entry]) -> list[Entry]:
        """An entry for each alias of the gateway, like the one of the model that would answer for it now."""
        known = {entry[key]: entry for entry in entries}
        listed: list[Entry] = []
        for alias in self._directory.aliases:
            try:
                target = self._directory.targets(alias)[0]
            except ModelNotFound:
                continue
            if entry := known.get(f"{target.device.name}-{target.model}"):
                listed.append(described(entry, alias))
        return listed


def _as_model(entry: Entry, alias: str) -> Entry:
    return {**entry, "id": alias, "display_name": alias}


def _as_tag(entry: Entry, alias: str) -> Entry:
    details = {**entry["details"], "parent_model": entry["name"]}
    return {**entry, "name": alias, "model": alias, "details": details}

"""The list of models to pull, kept at hand so that every open page sees the hub's answer when it comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from admin.live.views import CatalogueRow, CatalogueView, Fitness
from configuration.device_config import ModelAssignment
from model_files.facts import ModelFacts
from model_registry import Catalogue, CatalogueEntry, ModelRegistry, fit
from pools.instance_plan import estimated_bytes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DeviceCapacity:
    """A device to measure models against. `asked` is what its configuration asks for, `used` the OpenVINO device it
    has, `budget` the bytes that its instances may take together."""

    device: str
    asked: str
    used: str
    budget: int

    def judge(
        self, facts: ModelFacts, assignment: ModelAssignment | None = None, reported: int | None = None
    ) -> Fitness:
        """`reported`: what its server reckons an instance to take, which it may have measured."""
        needed = reported or estimated_bytes(facts, self.used, self.budget, assignment)
        judged = fit(facts, needed, self.budget, self.asked)
        return Fitness(self.device, judged.level, needed, self.budget, judged.reason, facts.warnings)


class CatalogueCache:
    """`latest` is what the registry knew when it was last asked; None before the first time."""

    def __init__(self, registry: ModelRegistry) -> None:
        self.latest: Catalogue | None = None
        self._registry = registry
        self._asking: asyncio.Task[None] | None = None
        self._rows: tuple[object, tuple[CatalogueRow, ...]] = (None, ())
        self._local: frozenset[str] = frozenset()
        self._capacities: tuple[DeviceCapacity, ...] = ()

    async def open(self) -> None:
        """Have a list at once, and ask the hub behind it where there is none from it yet."""
        if self.latest is None:
            self.latest = await self._registry.catalogue()
        if self.latest.source == "bundled" and self.latest.problem is None:
            self.refresh()

    def refresh(self) -> None:
        """Begin to ask the hub."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="ask the hub for its catalogue")

    async def refreshed(self) -> Catalogue:
        """Ask the hub and wait for its answer."""
        self.latest = await self._registry.catalogue(refresh=True)
        return self.latest

    def view(self, local: frozenset[str], capacities: tuple[DeviceCapacity, ...]) -> CatalogueView | None:
        """The list as the page shows it; None before `open`. Judging hundreds of models is done once a change."""
        self._local, self._capacities = local, capacities
        latest = self.latest
        if latest is None:
            return None
        key = (id(latest), local, capacities)
        if self._rows[0] != key:
            self._rows = (key, self.rows(latest.entries))
        return CatalogueView(self._rows[1], latest.source, latest.fetched_at, latest.problem, self.asking)

    def rows(self, entries: Iterable[CatalogueEntry]) -> tuple[CatalogueRow, ...]:
        """Entries judged by the devices and the local models of the last view."""
        return tuple(_row(entry, self._local, self._capacities) for entry in entries)

    @property
    def asking(self) -> bool:
        return self._asking is not None and not self._asking.done()

    async def _ask(self) -> None:
        try:
            await self.refreshed()
        except Exception:
            logger.exception("asking the hub for its catalogue failed")


def _row(entry: CatalogueEntry, local: frozenset[str], capacities: tuple[DeviceCapacity, ...]) -> CatalogueRow:
    facts = entry.facts()
    return CatalogueRow(
        id=entry.id,
        kind=entry.kind,
        size_bytes=entry.size_bytes,
        parameters=entry.parameters,
        quantization=entry.quantization,
        license=entry.license,
        estimated=entry.estimated,
        local=entry.id in local,
        fitness=tuple(stick.judge(facts) for stick in capacities) if entry.size_bytes else (),
        good_for=entry.good_for,
        refusal=facts.problem,
    )

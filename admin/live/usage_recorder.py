"""Reads the device servers' figures every second and keeps them for the charts."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date

from admin.live.usage import asked_model
from configuration.device_config import ConfigError, ConfigStore, DeviceSettings
from reports.requests import Request
from supervision.suite import Suite
from usage.samples import Sample, SampleKey, Total, TotalKey
from usage.store import UsageStore

logger = logging.getLogger(__name__)

READ_SECONDS = 1.0
_READS_A_SAVING = 30
_MOST_UNSAVED = 3600
"""Buckets that are held while the disk takes nothing."""
_BUCKET_SECONDS = 5


class UsageRecorder:
    """`clock`: seconds since the epoch."""

    def __init__(
        self, suite: Suite, config: ConfigStore, store: UsageStore, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._suite = suite
        self._config = config
        self._store = store
        self._clock = clock
        self._cursors: dict[str, int] = {}
        self._counted: dict[tuple[str, int], int] = {}
        self._samples: defaultdict[tuple[int, SampleKey], Sample] = defaultdict(Sample)
        self._totals: defaultdict[TotalKey, Total] = defaultdict(Total)
        self._complained = False

    async def run(self) -> None:
        """Read every second and save twice a minute, until cancelled; then once more."""
        try:
            while True:
                for _ in range(_READS_A_SAVING):
                    await asyncio.sleep(READ_SECONDS)
                    self.read()
                await self.save()
        finally:
            self.read()
            self._write(*self._taken())  # blocks: whoever waits for the end is waiting for this

    async def save(self) -> None:
        """Write down what has been read. Where the disk refuses it is kept for the next time."""
        samples, totals = self._taken()
        if not await asyncio.to_thread(self._write, samples, totals):
            self._give_back(samples, totals)

    def read(self) -> None:
        try:
            devices = self._config.current().devices
        except (ConfigError, OSError):
            devices = {}
        at = int(self._clock()) // _BUCKET_SECONDS * _BUCKET_SECONDS
        for status in self._suite.statuses():
            name = status.name
            self._read_requests(at, name, devices.get(name))
            self._read_state(at, name)

    def _read_state(self, at: int, device: str) -> None:
        health, memory = self._suite.health(device), self._suite.memory(device)
        if health is None:
            return
        whole = self._samples[at, (device, "")]
        whole.add(Sample(seconds=READ_SECONDS, most_queued=health.queued_requests))
        whole.add(Sample(most_memory_bytes=memory.used_bytes if memory else 0))
        for model in health.models:
            if model.queued:
                self._samples[at, (device, model.id)].add(Sample(most_queued=model.queued))
        for model in memory.models if memory else ():
            if model.measured_bytes:
                self._samples[at, (device, model.id)].add(Sample(most_memory_bytes=model.measured_bytes))

    def _read_requests(self, at: int, device: str, settings: DeviceSettings | None) -> None:
        history = self._suite.activity(device)
        ended = history.after(self._cursors.get(device, 0))
        self._cursors[device] = history.cursor
        for request in (*ended, *history.running):
            before = self._counted.get((device, request.number), 0)
            model = asked_model(device, settings, request) or ""
            sample = Sample(generated_tokens=max(0, request.generated_tokens - before))
            if request.outcome == "running":
                self._counted[device, request.number] = request.generated_tokens
            else:
                self._counted.pop((device, request.number), None)
                _add_end(sample, request)
                self._count(device, model, request)
            for name in {"", model}:
                self._samples[at, (device, name)].add(sample)

    def _count(self, device: str, model: str, request: Request) -> None:
        day = date.fromtimestamp(request.time).isoformat()
        total = self._totals[day, device, model, request.key or ""]
        total.requests += 1
        total.failed += request.outcome in ("failed", "lost")
        total.prompt_tokens += request.prompt_tokens
        total.generated_tokens += request.generated_tokens

    def _taken(self) -> tuple[dict[tuple[int, SampleKey], Sample], dict[TotalKey, Total]]:
        samples = {key: sample for key, sample in self._samples.items() if not sample.empty}
        totals = dict(self._totals)
        self._samples.clear()
        self._totals.clear()
        return samples, totals

    def _write(self, samples: dict[tuple[int, SampleKey], Sample], totals: dict[TotalKey, Total]) -> bool:
        try:
            self._store.add(samples, totals, self._clock())
            self._complained = False
            return True
        except (sqlite3.Error, OSError) as error:
            if not self._complained:
                logger.warning("The figures for the charts cannot be kept: %s", error)
            self._complained = True
            return False

    def _give_back(self, samples: dict[tuple[int, SampleKey], Sample], totals: dict[TotalKey, Total]) -> None:
        for key, sample in list(samples.items())[-_MOST_UNSAVED:]:
            self._samples[key].add(sample)
        for key, total in totals.items():
            kept = self._totals[key]
            for name in ("requests", "failed", "prompt_tokens", "generated_tokens"):
                setattr(kept, name, getattr(kept, name) + getattr(total, name))


def _add_end(sample: Sample, request: Request) -> None:
    sample.requests = 1
    sample.failed = int(request.outcome in ("failed", "lost"))
    sample.prompt_tokens = request.prompt_tokens
    if request.first_token_seconds is not None:
        sample.first_tokens = 1
        sample.first_token_seconds = request.first_token_seconds

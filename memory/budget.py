"""How much memory the instances of one device may take, counting what everybody else on the machine has."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from configuration.device_config import DeviceSettings
from hardware.devices import ResolvedDevice
from memory.ledger import MemoryLedger, MemoryReservation
from memory.readings import GB, PhysicalMemory, ProcessMemory, default_reserve, device_memory, system_memory


@dataclass(frozen=True)
class MemoryFigures:
    """Bytes of one physical memory as one device sees it.

    `reserved`: promised to this device's instances; `elsewhere`: to those of other devices; `free`: what a new
    instance may take. `limit` is what this device may take in all.
    """

    total: int
    limit: int
    reserved: int
    elsewhere: int
    free: int


@dataclass(frozen=True)
class _Claim:
    """A reservation beside what its process was just seen to take."""

    promised: int
    process: ProcessMemory | None

    @property
    def size(self) -> int:
        return max(self.promised, self.process.resident) if self.process else self.promised

    @property
    def untouched(self) -> int:
        """What it will yet take, or has taken in pages that the system still counts as available."""
        return max(0, self.size - (self.process.private if self.process else 0))


class MemoryBudget:
    """Reservations of one device server against a physical memory.

    A reservation counts until it is released: with its size, or with what its worker really takes where that is
    more. `limit_bytes` bounds this device alone, `reserve_bytes` are left to other programs.
    """

    def __init__(
        self,
        memory: PhysicalMemory,
        ledger: MemoryLedger | None = None,
        *,
        limit_bytes: int | None = None,
        reserve_bytes: int = 0,
    ) -> None:
        self.memory = memory
        self.reserve_bytes = reserve_bytes
        self._ledger = ledger
        self._limit_bytes = limit_bytes
        self._own: dict[Hashable, MemoryReservation] = {}
        self._own_turn = asyncio.Lock()

    def figures(self) -> MemoryFigures:
        reading = self.memory.read()
        others = self._ledger.others() if self._ledger else []
        elsewhere = [self._claim(entry) for entry in others if entry.memory == self.memory.name]
        own = [self._claim(entry) for entry in self._own.values()]
        reserved = sum(claim.size for claim in own)
        limit = min(reading.total - self.reserve_bytes, self._limit_bytes or reading.total)
        untouched = sum(claim.untouched for claim in (*own, *elsewhere))
        free = min(limit - reserved, reading.available - self.reserve_bytes - untouched)
        return MemoryFigures(reading.total, limit, reserved, sum(claim.size for claim in elsewhere), free)

    def reserve(self, holder: Hashable, label: str, size: int) -> bool:
        """Set `size` bytes aside for `holder`; False, and nothing is changed, when they are not there."""
        if self._ledger is None:
            return self._try(holder, label, size)
        with self._ledger.locked():
            return self._try(holder, label, size)

    def size(self, holder: Hashable) -> int:
        """Bytes that `holder`'s reservation counts for; 0 without one."""
        return self._claim(self._own[holder]).size if holder in self._own else 0

    def measured(self, holder: Hashable) -> int | None:
        """Bytes that the process of `holder` takes now; None where that cannot be told."""
        process = self._claim(self._own[holder]).process if holder in self._own else None
        return process.resident if process and process.complete else None

    @asynccontextmanager
    async def load_turn(self) -> AsyncIterator[None]:
        """One load at a time on the machine: loading takes up to twice a model's size for a moment."""
        async with self._own_turn:
            if self._ledger is None:
                yield
                return
            async with self._ledger.load_turn():
                yield

    def attach(self, holder: Hashable, pid: int | None) -> None:
        """Tell which process fills a reservation from now on."""
        if holder in self._own:
            self._own[holder] = replace(self._own[holder], pid=pid)
            self._publish()

    def release(self, holder: Hashable) -> None:
        """Give back what `holder` has, if anything."""
        if self._own.pop(holder, None) is not None:
            self._publish()

    def close(self) -> None:
        if self._ledger:
            self._ledger.close()

    def _try(self, holder: Hashable, label: str, size: int) -> bool:
        if size > self.figures().free:
            return False
        self._own[holder] = MemoryReservation(self.memory.name, size, label)
        self._publish()
        return True

    def _publish(self) -> None:
        if self._ledger:
            self._ledger.publish(self._own.values())

    def _claim(self, reservation: MemoryReservation) -> _Claim:
        pid = reservation.pid
        return _Claim(reservation.size, None if pid is None else self.memory.measure(pid))


def device_budget(settings: DeviceSettings, device: ResolvedDevice, data_dir: Path) -> MemoryBudget:
    """The budget of one device as it is configured; all that share `data_dir` see one another."""
    shared = system_memory(with_gpu=device.used.startswith("GPU"))
    memory = device_memory(device.used, device.own_memory) if device.own_memory else shared
    reserve = settings.memory_reserve_gb
    return MemoryBudget(
        memory,
        MemoryLedger(data_dir / ".memory"),
        limit_bytes=int(settings.memory_limit_gb * GB) if settings.memory_limit_gb else None,
        reserve_bytes=default_reserve(memory.read().total) if reserve is None else int(reserve * GB),
    )

"""From what the supervisor, the registry and the configuration know to what the pages show."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from admin.live.bench_runs import BenchRuns
from admin.live.catalogue import CatalogueCache, DeviceCapacity
from admin.live.gateway_view import gateway_card
from admin.live.memory_bars import MODEL_STEP, MemoryBar, beside_others, device_memory, machine_memory, rounded
from admin.live.recommended import recommendations, seats
from admin.live.request_rows import running_rows
from admin.live.speed_history import SpeedHistory
from admin.live.steps_taken import StepsFile
from admin.live.updates import UpdateWatch
from admin.live.views import (
    DeviceCard,
    DoctorStatus,
    Hardware,
    LocalModelRow,
    ModelChoice,
    RunningModel,
    Snapshot,
    Speed,
)
from administration.tuning import TuningRuns
from configuration.device_config import ConfigError, ConfigStore, Configuration, DeviceSettings, ModelAssignment
from conversion.conversions import Conversions
from doctor.examination import Doctor
from memory.kv_cache import KvPrecision, kv_cache_bytes, kv_format
from memory.readings import default_reserve, read_system_memory
from model_files.facts import ModelFacts
from model_registry import LocalModel, ModelRegistry
from notices import notice_of
from registry.last_use import LastUse
from reports.device import Health, MemoryReport, ModelHealth, ModelMemory
from supervision.suite import DeviceStatus, Suite

LAST_USED_STEP = 60


@dataclass(frozen=True)
class SnapshotReader:
    suite: Suite
    registry: ModelRegistry
    store: ConfigStore
    shelf: CatalogueCache
    history: SpeedHistory
    last_use: LastUse
    doctor: Doctor
    tunings: TuningRuns
    steps: StepsFile
    conversions: Conversions
    updates: UpdateWatch
    benches: BenchRuns

    async def __call__(self) -> Snapshot:
        local = await asyncio.to_thread(self.registry.local_models)
        configuration, problem = await asyncio.to_thread(self._configuration)
        cards: list[DeviceCard] = []
        statuses = {status.name: status for status in self.suite.statuses()}
        for name, settings in configuration.devices.items():
            status = statuses.get(name)
            if status is None:
                cards.append(device_card(_unstarted(name, settings), settings, None, None, local, Speed()))
                continue
            health, memory = self.suite.health(name), self.suite.memory(name)
            card = device_card(status, settings, health, memory, local, self.history.speed(name))
            cards.append(self._with_tunings(card))
        machine = machine_memory(card.memory for card in cards)
        cards = [replace(card, memory=beside_others(card.memory, machine)) for card in cards]
        capacities = tuple(_capacity(card.name, card.requested, card.hardware, card.memory) for card in cards)
        return Snapshot(
            devices=tuple(cards),
            local_models=tuple(local_row(model, cards, self.last_use.at(model.id)) for model in local),
            jobs=tuple(reversed(self.registry.jobs())),
            catalogue=self.shelf.view(frozenset(model.id for model in local), capacities),
            machine=machine,
            running=running_rows(self.suite),
            check=DoctorStatus(self.doctor.running, self.doctor.latest),
            gateway=await asyncio.to_thread(gateway_card, self.suite),
            config_problem=problem,
            recommended=recommendations(seats(cards)),
            steps=self.steps.taken,
            conversions=tuple(reversed(self.conversions.jobs())),
            converter=self.conversions.converter.status(),
            newer_version=self.updates.newer,
            bench=self.benches.status,
        )

    def _with_tunings(self, card: DeviceCard) -> DeviceCard:
        hardware = card.hardware.name if card.hardware else None
        models = (
            replace(model, tuning=self.tunings.line(card.name, model.id, hardware)) if model.assignment else model
            for model in card.models
        )
        return replace(card, models=tuple(models))

    def _configuration(self) -> tuple[Configuration, ConfigError | None]:
        try:
            configuration = self.store.current()
        except ConfigError as error:
            return Configuration(), error
        except OSError as error:
            return Configuration(), ConfigError(self.store.path, error.strerror or str(error))
        return configuration, self.store.problem


def _unstarted(name: str, settings: DeviceSettings) -> DeviceStatus:
    """A device that was written into the file by hand: it starts when it is applied."""
    return DeviceStatus(
        name=name,
        state="disabled",
        since=0,
        pid=None,
        port=settings.port,
        restarts=0,
        exit_code=None,
        last_error=None,
        last_log_lines=(),
    )


def device_card(
    status: DeviceStatus,
    settings: DeviceSettings,
    health: Health | None,
    memory: MemoryReport | None,
    local: Sequence[LocalModel],
    speed: Speed,
) -> DeviceCard:
    bar = device_memory(memory)
    hardware = _hardware(health)
    stick = _capacity(status.name, settings.device, hardware, bar)
    sizes = {model.id: model for model in memory.models} if memory else {}
    running = {model.id: _running(model, sizes.get(model.id)) for model in health.models} if health else {}
    return DeviceCard(
        name=status.name,
        requested=settings.device,
        port=settings.port,
        enabled=settings.enabled,
        state=status.state,
        since=round(status.since, 1),
        pid=status.pid,
        restarts=status.restarts,
        hardware=hardware,
        active=health.active_requests if health else 0,
        queued=health.queued_requests if health else 0,
        memory=bar,
        speed=speed,
        models=tuple(_choices(stick, settings, local, running, sizes)),
        last_error=status.last_error,
        last_log_lines=tuple(status.last_log_lines[-8:]) if status.state == "failed" else (),
        settings=settings,
    )


def _choices(
    stick: DeviceCapacity,
    settings: DeviceSettings,
    local: Sequence[LocalModel],
    running: Mapping[str, RunningModel],
    sizes: Mapping[str, ModelMemory],
) -> list[ModelChoice]:
    """What is assigned, be it there or not, then every other local model, each in its own order."""
    assignments = {model.id: model for model in settings.models}
    on_disk = {model.id: model for model in local}
    choices: list[ModelChoice] = []
    for model_id in [*assignments, *(id for id in on_disk if id not in assignments)]:
        model = on_disk.get(model_id)
        facts = model.facts if model else None
        size = sizes.get(model_id)
        reckoned = size.estimated_bytes or None if size else None
        choices.append(
            ModelChoice(
                id=model_id,
                public_id=f"{stick.device}-{model_id}",
                size_bytes=facts.size_bytes if facts else None,
                quantization=facts.quantization if facts else None,
                context_length=facts.context_length if facts else None,
                kind=facts.kind if facts else "unknown",
                abilities=facts.abilities if facts else (),
                local=model is not None,
                broken=facts is not None and facts.problem is not None,
                fitness=stick.judge(facts, assignments.get(model_id), reckoned) if facts else None,
                assignment=assignments.get(model_id),
                running=running.get(model_id),
                kv_sizes=_kv_sizes(facts, assignments.get(model_id), stick.used) if facts else (),
            )
        )
    return choices


def _kv_sizes(facts: ModelFacts, assignment: ModelAssignment | None, device: str) -> tuple[tuple[str, int], ...]:
    if facts.kv is None or assignment is None or device.upper().startswith("NPU"):
        return ()
    wanted: tuple[KvPrecision | None, ...] = (None, "f16", "int8", "int4")
    sizes = []
    for precision in wanted:
        form = kv_format(device, wanted=precision, properties=assignment.extra_config, pinned=facts.kv_options)
        # Of many, so that the block that is kept free does not count.
        sizes.append((precision or "auto", kv_cache_bytes(facts.kv, 1_000_000, form) // 1000))
    return tuple(sizes)


def _running(report: ModelHealth, size: ModelMemory | None) -> RunningModel:
    return RunningModel(
        state=report.state,
        instances=report.instances,
        active=report.active,
        queued=report.queued,
        error=notice_of(report.error_phrase) if report.error_phrase else report.error,
        measured=rounded(size and size.measured_bytes, MODEL_STEP) or None,
        estimated=rounded(size and size.estimated_bytes, MODEL_STEP) or None,
        loading_since=report.loading_since,
        compiling=report.compiling,
        evicted=report.evicted_prompts,
        longest=report.longest_conversation,
        room=size.kv_cache_tokens if size else 0,
    )


def _hardware(health: Health | None) -> Hardware | None:
    if health is None or not health.used_device:
        return None
    reason = notice_of(health.fallback_phrase) if health.fallback_phrase else health.fallback_reason
    return Hardware(health.used_device, health.device_name or health.used_device, reason)


def _capacity(name: str, asked: str, hardware: Hardware | None, bar: MemoryBar | None) -> DeviceCapacity:
    """Before its server runs a device is taken to share the machine's memory."""
    used = hardware.used if hardware else asked
    if bar is not None:
        return DeviceCapacity(name, asked, used, bar.limit)
    total = read_system_memory().total
    return DeviceCapacity(name, asked, used, total - default_reserve(total))


def local_row(model: LocalModel, cards: Sequence[DeviceCard], last_used: float | None) -> LocalModelRow:
    offered = [(card.name, choice.running) for card in cards for choice in card.assigned if choice.id == model.id]
    return LocalModelRow(
        **model.described(),
        last_used=last_used and last_used // LAST_USED_STEP * LAST_USED_STEP,
        fitness=tuple(
            choice.fitness for card in cards for choice in card.models if choice.id == model.id and choice.fitness
        ),
        devices=tuple(name for name, _ in offered),
        running=tuple((name, running) for name, running in offered if running),
        enabled=tuple(card.name for card in cards if card.enabled),
    )

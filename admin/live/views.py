"""What the pages show, as values: one frozen object per card, row or bar, free of any language.

They are compared to find out what has changed since the last reading, so they hold no clock that runs by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from admin.live.bench_runs import BenchStatus
from admin.live.gateway_view import GatewayCard
from admin.live.memory_bars import MemoryBar
from admin.live.request_rows import ActivityRow
from admin.live.steps_taken import StepsTaken
from administration.tuning import TuningLine
from configuration.device_config import ConfigError, DeviceSettings, ModelAssignment
from conversion.jobs import ConversionJob
from conversion.toolchain import ConverterStatus
from doctor.examination import Report
from model_files.embedding_facts import EmbeddingFacts
from registry.jobs import PullJob
from registry.recommend import Recommendation


@dataclass(frozen=True)
class RunningModel:
    """What a device server reports about one of its models. `measured`: bytes its instances take now; `estimated`: what
    one instance was reckoned to take. `compiling`: the load under way, since that second, compiles what
    later ones find. `evicted`: conversations that its KV cache has lost to others. `longest`: tokens of the longest
    conversation, where it nearly takes the cache's `room`."""

    state: str
    instances: int = 0
    active: int = 0
    queued: int = 0
    error: str | None = None
    measured: int | None = None
    estimated: int | None = None
    loading_since: float | None = None
    compiling: bool = False
    evicted: int = 0
    longest: int | None = None
    room: int = 0

    @property
    def reckoned(self) -> int | None:
        """What its instances together were reckoned to take."""
        return self.estimated * self.instances if self.estimated else None


@dataclass(frozen=True)
class Fitness:
    """Whether a model will run on a device. `level`: fits, tight, too_large or unsuitable; bytes of one loaded copy and
    of the device's memory; `reason` in English, for what figures do not say."""

    device: str
    level: str
    needed: int
    budget: int
    reason: str
    warnings: tuple[str, ...] = ()
    """What one should know of a model that runs there, in English."""


def suited(fitness: tuple[Fitness, ...]) -> str:
    """The devices that a model will run on, separated by blanks."""
    return " ".join(fit.device for fit in fitness if fit.level in ("fits", "tight"))


@dataclass(frozen=True)
class ModelChoice:
    """One line of a device's model list: a local model, assigned or not, or an assigned one that is missing on disk.

    A `broken` model cannot be assigned. One that does not suit the device can: there may be a fallback.
    """

    id: str
    public_id: str
    size_bytes: int | None
    quantization: str | None
    context_length: int | None
    kind: str
    abilities: tuple[str, ...]
    local: bool
    broken: bool
    fitness: Fitness | None
    assignment: ModelAssignment | None
    running: RunningModel | None
    tuning: TuningLine | None = None
    kv_sizes: tuple[tuple[str, int], ...] = ()
    """Bytes of 1,000 tokens in the KV cache by precision, "auto" first; empty where there is nothing to choose."""

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def organisation(self) -> str:
        return self.id.rpartition("/")[0]


@dataclass(frozen=True)
class Speed:
    """Generated tokens per second: now, and over the last minutes, oldest first."""

    now: float = 0.0
    past: tuple[float, ...] = ()

    @property
    def highest(self) -> float:
        return max(self.past, default=0.0)

    def points(self, width: int, height: int, slots: int) -> str:
        """The past as an SVG polyline in a box of `width` × `height` with room for `slots` values, the newest at the
        right edge."""
        top = max(self.highest, 1.0)
        step = width / (slots - 1)
        start = width - step * (len(self.past) - 1)
        return " ".join(
            f"{start + step * index:.1f},{height - (height - 2) * value / top - 1:.1f}"
            for index, value in enumerate(self.past)
        )


@dataclass(frozen=True)
class Hardware:
    """What a device server runs on. `fallback_reason` is set where it is not what the configuration asks for."""

    used: str
    name: str
    fallback_reason: str | None


@dataclass(frozen=True)
class DeviceCard:
    name: str
    requested: str
    port: int
    enabled: bool
    state: str
    since: float
    pid: int | None
    restarts: int
    hardware: Hardware | None
    active: int
    queued: int
    memory: MemoryBar | None
    speed: Speed
    models: tuple[ModelChoice, ...]
    last_error: str | None
    last_log_lines: tuple[str, ...]
    settings: DeviceSettings

    @property
    def kind(self) -> str:
        """The OpenVINO device the models run on, as far as is known."""
        return self.hardware.used if self.hardware else self.requested

    @property
    def title(self) -> str:
        return self.name.upper()

    @property
    def assigned(self) -> tuple[ModelChoice, ...]:
        return tuple(model for model in self.models if model.assignment is not None)

    @property
    def stage(self) -> str:
        """The supervisor's state, with `loading` for a server that is up while a model is still being loaded."""
        loading = any(model.running and model.running.state == "loading" for model in self.models)
        return "loading" if self.state == "running" and loading else self.state


@dataclass(frozen=True)
class LocalModelRow:
    id: str
    kind: str
    size_bytes: int | None
    quantization: str | None
    context_length: int | None
    parameters: int | None
    architecture: str | None
    revision: str | None
    commit: str | None
    downloaded_at: str | None
    imported_at: str | None
    converted: dict[str, Any] | None
    license: str | None
    tools: bool
    thinking: bool
    vision: bool
    abilities: tuple[str, ...]
    embedding: EmbeddingFacts | None
    complete: bool
    state: str
    """usable, unsupported or damaged."""
    bundled: bool
    problem: str | None
    npu_problem: str | None
    warnings: tuple[str, ...]
    last_used: float | None
    """Seconds since the epoch, to the minute."""
    fitness: tuple[Fitness, ...]
    devices: tuple[str, ...]
    """Names of the devices it is assigned to."""
    running: tuple[tuple[str, RunningModel], ...]
    """What the servers among them report of it."""
    enabled: tuple[str, ...]
    """Names of all devices that are switched on."""

    @property
    def text(self) -> str:
        """What a search looks through."""
        return " ".join(filter(None, (self.id, self.kind, self.quantization, self.license))).lower()

    @property
    def suits(self) -> str:
        return suited(self.fitness)

    @property
    def chat(self) -> str | None:
        """The public id under which one can talk to it now."""
        able = "chat" in self.abilities
        return next((f"{device}-{self.id}" for device, _ in self.running if able), None)


@dataclass(frozen=True)
class CatalogueRow:
    """A model that can be pulled. `estimated`: size and parameters are guessed from its name."""

    id: str
    kind: str
    size_bytes: int | None
    parameters: int | None
    quantization: str | None
    license: str | None
    estimated: bool
    local: bool
    fitness: tuple[Fitness, ...]
    good_for: tuple[str, ...] = ()
    refusal: str | None = None
    """Why it is not served, in English."""

    @property
    def text(self) -> str:
        """What a search looks through."""
        return " ".join(filter(None, (self.id, self.kind, self.quantization, self.license))).lower()

    @property
    def suits(self) -> str:
        return suited(self.fitness)


@dataclass(frozen=True)
class CatalogueView:
    """`asking`: the hub's answer is awaited; `problem`: why there is none, in English."""

    rows: tuple[CatalogueRow, ...]
    source: str
    fetched_at: float | None
    problem: str | None
    asking: bool


@dataclass(frozen=True)
class DoctorStatus:
    """The doctor's latest report, and whether another one is being made."""

    running: bool
    latest: Report | None


@dataclass(frozen=True)
class Snapshot:
    """Everything the pages show, at one moment."""

    devices: tuple[DeviceCard, ...]
    local_models: tuple[LocalModelRow, ...]
    jobs: tuple[PullJob, ...]
    catalogue: CatalogueView | None
    machine: MemoryBar
    running: tuple[ActivityRow, ...]
    check: DoctorStatus
    gateway: GatewayCard
    config_problem: ConfigError | None
    recommended: tuple[Recommendation, ...] = ()
    steps: StepsTaken = field(default_factory=StepsTaken)
    conversions: tuple[ConversionJob, ...] = ()
    converter: ConverterStatus | None = None
    bench: BenchStatus | None = None
    newer_version: str | None = None
    """Of this server, as far as is known."""

    def device(self, name: str) -> DeviceCard | None:
        return next((device for device in self.devices if device.name == name), None)

    @property
    def active_jobs(self) -> tuple[PullJob, ...]:
        return tuple(job for job in self.jobs if job.active)

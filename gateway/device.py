"""One device server as the gateway knows it: from the configuration, and from what it last said of itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from configuration.device_config import DeviceSettings
from reports.device import Live, ModelHealth


@dataclass(frozen=True)
class ModelReport:
    """`ceiling`: how many requests its instances take at once. `speed`: tokens per second of one stream, measured."""

    loaded: bool = False
    waiting: int = 0
    active: int = 0
    ceiling: int = 1
    speed: float | None = None
    needed_bytes: int = 0


class UpstreamDevice:
    """`hardware`: its full name; `kind`: OpenVINO's name of what it really runs on. `heard`: when it last answered."""

    def __init__(self, name: str, settings: DeviceSettings, url: str = "", *, now: float = 0.0) -> None:
        self.name = name
        self.settings = settings
        self.url = url
        self.reachable = True
        self.heard = now
        self.hardware: str | None = None
        self.kind = settings.device
        self.available_bytes = 0
        self.models: dict[str, ModelReport] = {}
        self.in_flight: Counter[str] = Counter()

    def hear(self, answer: Live, now: float) -> None:
        """Take over an answer to /live."""
        health, memory = answer.health, answer.memory
        sizes = {model.id: model.estimated_bytes for model in memory.models}
        self.hardware = health.device_name
        self.kind = health.used_device or self.settings.device
        self.available_bytes = memory.available_bytes
        self.models = {model.id: _report(model, sizes.get(model.id, 0)) for model in health.models}
        self.reachable, self.heard = True, now

    def model_of(self, name: str) -> str | None:
        """The id of the model that `name`, without a device's prefix, stands for; None where it is not offered."""
        ids = {model.id for model in self.settings.models}
        if name in ids:
            return name
        alias = self.settings.aliases.get(name)
        if alias is not None and alias.model in ids:
            return alias.model
        base = name.partition(":")[0]  # a GGUF file is called by its quantisation too
        return base if base in ids else None

    def report(self, model_id: str) -> ModelReport:
        return self.models.get(model_id) or ModelReport()

    def busy(self, model_id: str) -> bool:
        """Whether a request would have to wait for others."""
        report = self.report(model_id)
        return report.waiting > 0 or max(report.active, self.in_flight[model_id]) >= report.ceiling

    def has_room(self, model_id: str) -> bool:
        report = self.report(model_id)
        return report.loaded or report.needed_bytes <= self.available_bytes


def _report(model: ModelHealth, needed: int) -> ModelReport:
    return ModelReport(
        loaded=model.instances > 0,
        waiting=model.queued,
        active=model.active,
        ceiling=max(1, model.max_active),
        speed=model.tokens_per_second,
        needed_bytes=needed,
    )

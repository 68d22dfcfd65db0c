"""What a setting may be, where its type alone would take more: values nobody can want, or no device can serve.

Only what a request changes is looked at: a value in the file that was written by hand stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from administration.errors import AdministrationError
from memory.readings import GB
from model_files.facts import ModelFacts
from notices import Notice

MOST_PRELOADED = 64
"""As many instances as one call of a device's `/model/preload` starts."""
_LEAST_GB = 0.05
_MOST_TOKENS = 10_000_000

SAMPLING: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "top_k": (1, 100_000),
    "max_tokens": (1, _MOST_TOKENS),
    "repetition_penalty": (0.1, 2),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
"""The lowest and the highest value of each, as OpenAI's API has them where it has them."""

DEVICE: Mapping[str, tuple[float, float]] = {"max_queue": (1, 100_000), "queue_timeout": (1, 86_400)}


@dataclass(frozen=True)
class ModelRoom:
    """What the ranges of a model's settings depend on: its files, and the bytes that the device's instances may take;
    None where that is unknown."""

    model: str
    facts: ModelFacts | None
    limit: int | None

    def ranges(self) -> dict[str, tuple[float, float]]:
        most = self.limit / GB if self.limit else 1_000_000.0
        size = self.facts.size_bytes if self.facts else 0
        context = self.facts.context_length if self.facts else None
        return {
            "max_concurrent": (1, 1024),
            "preload_count": (0, self.most_instances),
            "max_prompt_len": (16, context or _MOST_TOKENS),
            "estimated_memory_gb": (max(size / 2 / GB, 0.001), most),
            "instance_memory_gb": (_LEAST_GB, most),
            "max_total_memory_gb": (self._least_gb, most),
        }

    @property
    def most_instances(self) -> int:
        """As many as fit into the device's memory side by side."""
        if not self.facts or not self.limit:
            return MOST_PRELOADED
        return max(1, min(MOST_PRELOADED, self.limit // max(self.facts.least_bytes, 1)))

    @property
    def _least_gb(self) -> float:
        return self.facts.least_bytes / GB if self.facts else _LEAST_GB


def check_model_settings(changes: Mapping[str, Any], before: Mapping[str, Any], room: ModelRoom) -> None:
    """Raises `AdministrationError` for the first that is out of its range."""
    for name, (low, high) in room.ranges().items():
        value = changes.get(name)
        if name == "instance_memory_gb" and value == 0:  # as if it were left out
            continue
        if value is not None and value != before.get(name):
            _check(f"models.{room.model}.{name}", Notice(f"tuning.{name}"), value, low, high, gigabytes="_gb" in name)
    given = {name: value for name, value in (changes.get("parameters") or {}).items() if value is not None}
    check_sampling(given, before.get("parameters") or {}, f"models.{room.model}.parameters.")


def check_sampling(parameters: Mapping[str, Any], before: Mapping[str, Any] | None = None, place: str = "") -> None:
    """Of an alias or an assignment. Raises `AdministrationError`."""
    for name, (low, high) in SAMPLING.items():
        value = parameters.get(name)
        if isinstance(value, (int, float)) and value != (before or {}).get(name):
            label = Notice(f"tuning.{name}") if name in _LABELLED else name
            _check(f"{place or 'parameters.'}{name}", label, value, low, high)


_LABELLED = ("temperature", "top_p", "top_k", "max_tokens", "repetition_penalty")


def check_device_limits(limits: Mapping[str, Any], before: Mapping[str, Any], total: int) -> None:
    """`total`: bytes of the memory that the device draws on. Raises `AdministrationError`."""
    ranges = {**DEVICE, "memory_limit_gb": (0.5, total / GB), "memory_reserve_gb": (0, total / GB)}
    for name, (low, high) in ranges.items():
        value = limits.get(name)
        if value is not None and value != before.get(name):
            _check(f"limits.{name}", Notice(f"limits.{name}"), value, low, high, gigabytes="_gb" in name)


def _check(param: str, label: str, value: float, low: float, high: float, *, gigabytes: bool = False) -> None:
    if low <= value <= high:
        return
    figures = {"low": _plain(low, up=True), "high": _plain(high)}
    raise AdministrationError(
        422, "setting_gigabytes" if gigabytes else "setting_range", param=param, label=label, **figures
    )


def _plain(value: float, *, up: bool = False) -> str:
    """At most three digits behind the point, rounded into the range."""
    if value == int(value):
        return f"{int(value):,}"
    digits = 2 if value >= 1 else 3
    factor = 10**digits
    rounded = (-(-value * factor // 1) if up else value * factor // 1) / factor
    return f"{rounded:g}"

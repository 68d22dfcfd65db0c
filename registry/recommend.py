"""Three models for a device of this PC: a quick one, a balanced one, the best that runs; each with its reason.

How fast a model answers is reckoned from what others have published: each token reads the weights that are active once,
so a device makes about as many tokens a second as its memory moves those weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from model_files.facts import ModelFacts
from registry.catalogue import CatalogueEntry
from registry.fit import fit

Level = Literal["quick", "balanced", "best"]
Hardware = Literal["cpu", "igpu", "dgpu", "npu"]

_READING = 8.0
"""Tokens a second: as fast as most people read."""
_BEARABLE = 3.0
_OF_EXPERTS = 0.35
"""A mixture of experts reaches about a third of what its active weights promise: Qwen3.6-35B-A3B was reported with 11
tokens/s where a dense Qwen3-8B made 12.1 (openvino#36270)."""
_LEAST_QUALITY = 2


@dataclass(frozen=True)
class PublishedSpeed:
    """A speed that somebody has measured: tokens a second with `weights` bytes of active weights."""

    tokens_per_second: float
    weights: float
    what: str

    @property
    def bytes_per_second(self) -> float:
        return self.tokens_per_second * self.weights


PUBLISHED: dict[Hardware, PublishedSpeed] = {
    "igpu": PublishedSpeed(12.1, 4.9e9, "Qwen3-8B int4, GPU of a Core Ultra 9 285H (openvino#36270)"),
    "dgpu": PublishedSpeed(47.0, 5.8e9, "Qwen3.5-9B int4, Arc A770"),
    "npu": PublishedSpeed(9.6, 4.7e9, "Qwen3-8B int4, NPU of a Core Ultra 9 185H (OpenArc#38)"),
    "cpu": PublishedSpeed(11.0, 5.5e9, "Qwen3-VL-8B int4, Core Ultra 7 265 (openvino#33946)"),
}


@dataclass(frozen=True)
class DeviceBudget:
    """A device to choose for. device: OpenVINO's name; budget: bytes that its instances may take together."""

    device: str
    full_name: str
    hardware: Hardware
    budget: int


Needed = Callable[[ModelFacts, str, int], int]
"""What an instance of a model is reckoned to take on a device of so much memory, bytes."""


@dataclass(frozen=True)
class RecommendedChoice:
    """speed: tokens a second, as reckoned from `source`. needed, budget, size: bytes."""

    level: Level
    model: str
    good_for: tuple[str, ...]
    quality: int
    size: int
    needed: int
    budget: int
    speed: float
    source: str


@dataclass(frozen=True)
class Recommendation:
    """device: whose; published: the measurement that the speeds are reckoned from."""

    device: str
    full_name: str
    hardware: Hardware
    published: str
    choices: tuple[RecommendedChoice, ...]


def recommend(entries: Iterable[CatalogueEntry], seat: DeviceBudget, needed: Needed) -> Recommendation:
    """Quickest first; fewer than three where fewer run comfortably. The best is the best at conversations that still
    writes bearably; the balanced one the best of those that write as fast as one reads and half as fast again as that;
    the quick one is the quickest of the others."""
    judged = [
        choice
        for entry in entries
        if (choice := _judged(entry, seat, needed)) is not None and choice.speed >= _BEARABLE
    ]
    picked: dict[Level, RecommendedChoice] = {}

    def pick(
        level: Level, candidates: list[RecommendedChoice], key: Callable[[RecommendedChoice], tuple[float, float]]
    ) -> None:
        left = [choice for choice in candidates if choice not in picked.values()]
        if left:
            picked[level] = max(left, key=key)

    pick("best", judged, lambda choice: (choice.quality, choice.speed))
    if "best" in picked:
        pace = picked["best"].speed
        pick("quick", [each for each in judged if each.speed > pace], lambda choice: (choice.speed, choice.quality))
        floor = max(_READING, 1.5 * pace)
        fluent = [each for each in judged if each.speed >= floor]
        pick("balanced", fluent, lambda choice: (choice.quality, choice.speed))
    ordered = [replace(picked[level], level=level) for level in ("quick", "balanced", "best") if level in picked]
    return Recommendation(seat.device, seat.full_name, seat.hardware, PUBLISHED[seat.hardware].what, tuple(ordered))


def _judged(entry: CatalogueEntry, seat: DeviceBudget, needed: Needed) -> RecommendedChoice | None:
    """None for what does not run there comfortably, or is nothing for everyday conversations."""
    if "general" not in entry.good_for or (entry.quality or 0) < _LEAST_QUALITY or seat.hardware in entry.unsuited:
        return None
    facts = entry.facts()
    needs = needed(facts, seat.device, seat.budget)
    if fit(facts, needs, seat.budget, seat.hardware).level != "fits":
        return None
    size, published = entry.size_bytes or 0, PUBLISHED[seat.hardware]
    speed = published.bytes_per_second / max(size, 1)
    if entry.active and entry.parameters:
        speed *= entry.parameters / entry.active * _OF_EXPERTS
    return RecommendedChoice(
        "quick",
        entry.id,
        entry.good_for,
        entry.quality or 0,
        size,
        needs,
        seat.budget,
        round(speed, 1),
        published.what,
    )

"""Whether a model will run on a device, told before it is pulled or assigned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import humanize

from model_files.facts import ModelFacts
from notices import Notice

_COMFORTABLE = 0.8


@dataclass(frozen=True)
class Fit:
    """reason: one sentence with the figures, or with what forbids it."""

    level: Literal["fits", "tight", "too_large", "unsuitable"]
    reason: str


def fit(facts: ModelFacts, needed_bytes: int, budget_bytes: int, device: str) -> Fit:
    """needed_bytes: what an instance is reckoned to take there; budget_bytes: what the device's instances may take.
    device: "gpu", "npu", "cpu" or a name that begins so; of one that a fallback stands in for its own.
    """
    refusal = facts.problem or (facts.npu_problem if device.lower().startswith("npu") else None)
    if refusal:
        return Fit("unsuitable", refusal)
    figures = Notice("notices.fit_figures", need=_size(needed_bytes), budget=_size(budget_bytes))
    if needed_bytes > budget_bytes:
        return Fit("too_large", Notice("notices.fit_needs", figures=figures))
    if needed_bytes > budget_bytes * _COMFORTABLE:
        return Fit("tight", Notice("notices.fit_tight", figures=figures))
    return Fit("fits", Notice("notices.fit_needs", figures=figures))


def _size(count: int) -> str:
    return humanize.naturalsize(count, format="%.1f")

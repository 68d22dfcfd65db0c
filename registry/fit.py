"""Whether a model will run on a device, told before it is pulled or assigned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import humanize

from devices.kv_cache import kv_cache_bytes, kv_format
from devices.model_facts import ModelFacts

TYPICAL_TOKENS = 4096
_OVERHEAD_BYTES = 512 * 1024 * 1024
_LOADED_WEIGHTS = 1.1
_COMFORTABLE = 0.8
_NPU_KINDS = ("llm", "vlm", "embedding", "whisper", "unknown")
_NPU_PARAMETERS = 9_000_000_000


@dataclass(frozen=True)
class Fit:
    """reason: one sentence with the figures."""

    level: Literal["fits", "tight", "too_large", "unsuitable"]
    reason: str


def fit(facts: ModelFacts, budget_bytes: int, device_kind: str) -> Fit:
    """Judge a model by its weights, the KV cache of a typical conversation and a fixed share.

    budget_bytes: what the device's memory allows. device_kind: "gpu", "npu", "cpu" or a name that begins so.
    """
    npu = device_kind.lower().startswith("npu")
    if facts.problem:
        return Fit("unsuitable", facts.problem)
    if npu and facts.kind not in _NPU_KINDS:
        return Fit("unsuitable", f"The NPU runs no model of the kind {facts.kind}.")
    if npu and facts.npu_problem:
        return Fit("unsuitable", facts.npu_problem)
    need = needed_bytes(facts)
    figures = f"about {_size(need)} of {_size(budget_bytes)}"
    if need > budget_bytes:
        return Fit("too_large", f"Needs {figures}.")
    parameters = facts.parameters or 0
    if npu and parameters > _NPU_PARAMETERS:
        return Fit("too_large", f"{parameters / 1e9:.1f} billion parameters; NPUs compile up to about 8.")
    if need > budget_bytes * _COMFORTABLE:
        return Fit("tight", f"Needs {figures}: little room for long conversations or other models.")
    return Fit("fits", f"Needs {figures}.")


def needed_bytes(facts: ModelFacts) -> int:
    """Memory of one loaded copy with one conversation of TYPICAL_TOKENS."""
    tokens = min(facts.context_length or TYPICAL_TOKENS, TYPICAL_TOKENS)
    cache = kv_cache_bytes(facts.kv, tokens, kv_format("GPU", pinned=facts.kv_options)) if facts.kv else 0
    return int(facts.size_bytes * _LOADED_WEIGHTS) + cache + _OVERHEAD_BYTES


def _size(count: int) -> str:
    return humanize.naturalsize(count, binary=True, format="%.1f")

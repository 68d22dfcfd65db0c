"""An instance before it is started: how large it will be, and what its worker is told to load."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from configuration.device_config import ModelAssignment
from hardware.devices import ResolvedDevice
from instances.protocol import Draft, LoadModel
from memory.kv_cache import KvShape, kv_cache_bytes, kv_cache_tokens, state_bytes, state_cache
from memory.readings import GB
from model_files.facts import MIN_KV_TOKENS, PROCESS_BYTES, ModelFacts
from model_files.gguf import load_path
from model_files.tasks import GENERATION
from pools.served_model import ServedModel

_KV_CACHE_SHARE = 0.25
_REPACKED_ON_CPU = 1.9
"""Measured with 85 to 270 MB of weights in int4, int8 and f16: 1.86 to 2.0."""
_GGUF_ON_CPU, _WHOLE_GGUF_ON_CPU = 2.6, 3.2
"""Of a GGUF file no pages are shared: it is read, unpacked and laid out. Measured with 77 to 271 MB: 2.4 to 2.6 where
it is quantised, 3.1 with 16 bits."""
_UNPACKED_BYTES = 8
_UNKNOWN_SHAPE = KvShape(32 * 1024, 32 * 1024, 256)
"""Of a model whose files do not tell: 128 KiB a token in 16 bits."""
_CPU_DEFAULTS = {"CPU_RUNTIME_CACHE_CAPACITY": 64}
"""Of the code that OpenVINO generates for each new shape of a batch; its own 5000 come to most of a gigabyte."""


@dataclass(frozen=True)
class InstancePlan:
    """The size of an instance before it is started; bytes of a draft's are in both."""

    kv_cache_tokens: int
    weight_bytes: int
    kv_cache_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weight_bytes + self.kv_cache_bytes + PROCESS_BYTES


def plan_instance(model: ServedModel, memory_bytes: int) -> InstancePlan:
    """How large an instance of `model` will be on a device with `memory_bytes` in all.

    The KV cache holds a full context for each concurrent request, but takes no more than `instance_memory_gb`, or
    where that is not set a quarter of the memory and what the weights leave of it. The one estimate there is: pages
    and gateway show it too, until an instance has been measured.
    """
    assignment = model.assignment
    weights = assignment.estimated_memory_gb * GB if assignment.estimated_memory_gb else _loaded_weights(model)
    if model.task != GENERATION:
        return InstancePlan(0, int(weights), 0)
    shape, form = model.facts.kv or _UNKNOWN_SHAPE, model.kv_format
    wanted = model.context_tokens * (1 if model.scoring else model.requests_per_instance)
    share = min(memory_bytes * _KV_CACHE_SHARE, max(0, memory_bytes - weights - PROCESS_BYTES))
    allowed = assignment.instance_memory_gb * GB if assignment.instance_memory_gb else share
    states = state_bytes(shape, form) * (model.requests_per_instance + 1)  # and the last prefix's, begun
    room = kv_cache_tokens(shape, int(allowed) - states, form) - model.guessing_tokens
    tokens = max(MIN_KV_TOKENS, min(wanted, room))
    cache = kv_cache_bytes(shape, tokens + model.guessing_tokens, form) + states
    if model.drafting and model.draft:
        # The model with its draft is loaded beside the model alone.
        weights += _loaded_weights(model) + _loaded_weights(replace(model, facts=model.draft.facts))
        drafted = min(tokens + model.guessing_tokens, model.drafted_tokens)
        cache += kv_cache_bytes(shape, drafted, form)
        cache += kv_cache_bytes(model.draft.facts.kv or _UNKNOWN_SHAPE, drafted, form)
    return InstancePlan(0 if model.scoring else tokens, int(weights), cache)


def without_cache(model: ServedModel, plan: InstancePlan, measured: int) -> int:
    """What of the `measured` bytes of a fresh instance is not its KV cache. A GPU's buffers are there whole once a
    kernel has used them, as the warm-up does; the CPU's come page by page with the tokens. Weights stay, whatever a
    reading says."""
    made_whole = model.device.used.startswith("GPU") and model.pipeline in ("continuous_batching", "vision_batching")
    return max(measured - plan.kv_cache_bytes, min(measured, model.facts.size_bytes)) if made_whole else measured


def settings_for_more_cache(model: ServedModel, plan: InstancePlan) -> tuple[str, ...]:
    """Which of a model's settings make its KV cache hold more tokens."""
    if plan.kv_cache_tokens >= model.context_tokens * model.requests_per_instance:
        return ("max_concurrent",)
    fewer_bits = model.kv_format.keys in ("f32", "f16") or model.kv_format.values in ("f32", "f16")
    return ("instance_memory_gb", "kv_cache_precision") if fewer_bits else ("instance_memory_gb",)


def _loaded_weights(model: ServedModel) -> int:
    """What the weight files become in memory: on the CPU their pages and a copy laid out anew, but of encoders. The
    NPU's pipeline on another device unpacks them to 32 bits, once for prompts and once for answers."""
    facts = model.facts
    if model.lays_out_anew and model.device.used.startswith("CPU"):
        return int(facts.size_bytes * _growth_on_cpu(facts))
    if model.on_npu and "NPUW_DEVICES" in model.assignment.extra_config and facts.parameters:
        return facts.parameters * _UNPACKED_BYTES
    return facts.size_bytes


def _growth_on_cpu(facts: ModelFacts) -> float:
    if facts.kind != "gguf":
        return _REPACKED_ON_CPU
    return _WHOLE_GGUF_ON_CPU if facts.quantization in ("F16", "F32") else _GGUF_ON_CPU


def estimated_bytes(
    facts: ModelFacts, device: str, memory_bytes: int, assignment: ModelAssignment | None = None
) -> int:
    """Bytes that an instance will take on the named OpenVINO device, whose models may take `memory_bytes`: as the
    model is assigned, else with the defaults."""
    assignment = assignment or ModelAssignment(id="model", path="model")
    model = ServedModel(
        assignment.id, assignment.id, Path(), facts, assignment, ResolvedDevice(device, device.upper(), device)
    )
    return plan_instance(model, memory_bytes).total_bytes


def load_message(model: ServedModel, plan: InstancePlan, cache_dir: Path | None) -> LoadModel:
    """What a worker is told to load. `cache_dir` is the device's; each model has its own folder in it."""
    shape = model.facts.kv or _UNKNOWN_SHAPE
    return LoadModel(
        directory=str(load_path(model.directory)),
        device=model.device.used,
        pipeline=model.pipeline,
        properties=_properties(model),
        cache_dir=str(cache_dir / model.directory.name) if cache_dir else None,
        kv_cache_tokens=plan.kv_cache_tokens + model.guessing_tokens,
        max_prompt_len=model.max_prompt_tokens or model.context_tokens,
        min_response_len=model.response_tokens,
        max_num_batched_tokens=model.assignment.max_num_batched_tokens,
        prompt_lookup=model.prompt_lookup,
        draft=_draft(model),
        pooling=model.pooling,
        state_cache=state_cache(
            shape, plan.kv_cache_tokens + model.guessing_tokens, model.kv_format, model.requests_per_instance
        ),
    )


def _draft(model: ServedModel) -> Draft | None:
    if model.draft is None or not model.drafting:
        return None
    return Draft(str(model.draft.directory), model.draft.tokens, model.drafted_tokens)


def _properties(model: ServedModel) -> dict[str, Any]:
    configured = {k: v for k, v in model.configured.items() if model.on_npu or not _npu_only(k)}
    if model.task == GENERATION and model.device.used.startswith(("CPU", "GPU")):
        configured = {**model.kv_format.properties, **configured}
    return {**_CPU_DEFAULTS, **configured} if model.device.used.startswith("CPU") else configured


def _npu_only(name: str) -> bool:
    # The CPU and GPU plugins raise on these, and a fallback must not fail on its device's settings.
    return name.startswith("NPU") or name in {"MAX_PROMPT_LEN", "MIN_RESPONSE_LEN", "PREFILL_HINT", "GENERATE_HINT"}

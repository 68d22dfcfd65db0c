"""Trying a model's pipelines on a device, one after the other, and writing down which is best."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from chat.tokenizer import ChatTokenizer
from configuration.device_config import ConfigStore, DeviceSettings, ModelAssignment
from configuration.suggested_command import suggested_command
from configuration.tuning_store import STREAMS, PipelineSettings, Tuning, TuningTrial, tuning_store
from hardware.devices import available_devices
from instances.handle import Instance, InstanceLoadError, InstanceLost, RequestRefused
from instances.protocol import LoadModel
from memory.budget import MemoryBudget, device_budget
from memory.readings import GB
from notices import Notice
from pools.instance_plan import load_message, plan_instance
from pools.model_assignment import served_model
from pools.served_model import ServedModel
from tuning.trials import TEXT, Prompts, run_trial

_CANDIDATES = (
    PipelineSettings("continuous_batching"),
    PipelineSettings("continuous_batching", max_num_batched_tokens=1024),
    PipelineSettings("llm_pipeline"),
)
_PROMPT_TOKENS = 1024


class CannotTune(Exception):
    """The text says why, and what to do."""


async def tune(
    device: str,
    model_id: str,
    data_dir: Path,
    *,
    on_trial: Callable[[PipelineSettings], None] = lambda settings: None,
    make_instance: Callable[[LoadModel], Instance] = Instance,
) -> Tuning:
    """Try all candidates for an assigned model and record the result. Takes some minutes for a large model.

    Raises `CannotTune`, `ConfigError`, `DeviceUnavailable` and OSError.
    """
    model, settings = find_model(device, model_id, data_dir)
    if model.facts.vision:
        raise CannotTune(Notice("notices.one_pipeline", model=model_id))
    if model.on_npu:
        raise CannotTune(Notice("notices.one_pipeline_on_npu"))
    budget = device_budget(settings, model.device, data_dir)
    prompts = Prompts(ChatTokenizer(model.directory).encode(TEXT), _prompt_tokens(model))
    trials: list[TuningTrial] = []
    try:
        for candidate in _CANDIDATES:
            on_trial(candidate)
            trials.append(await _try(model, candidate, budget, prompts, data_dir / f"cache_{device}", make_instance))
    finally:
        budget.close()
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    tuning = Tuning(model.id, model.device.full_name, version("openvino"), now, _prompt_tokens(model), trials)
    tuning_store(data_dir).record(tuning)
    return tuning


def find_model(device: str, model_id: str, data_dir: Path) -> tuple[ServedModel, DeviceSettings]:
    """An assigned language model and its device. Raises `CannotTune`, `ConfigError`, `DeviceUnavailable`, OSError."""
    devices = ConfigStore(data_dir / "device_config.json").load().devices
    settings = devices.get(device)
    if settings is None:
        raise CannotTune(Notice("notices.no_device", name=device, known=", ".join(devices)))
    assignment = next((each for each in settings.models if each.id == model_id), None)
    if assignment is None:
        command = suggested_command(f"assign {model_id} {device}", data_dir)
        raise CannotTune(f"{model_id} is not assigned to {device}: {command}")
    model = served_model(device, settings, assignment, data_dir, available_devices())
    if model.problem:
        raise CannotTune(Notice("notices.model_unusable", model=model_id, problem=model.problem))
    if model.task != "generation":
        raise CannotTune(Notice("notices.one_pipeline", model=model_id))
    return model, settings


def _prompt_tokens(model: ServedModel) -> int:
    return min(_PROMPT_TOKENS, model.context_tokens // 2)


async def _try(
    model: ServedModel,
    candidate: PipelineSettings,
    budget: MemoryBudget,
    prompts: Prompts,
    cache_dir: Path,
    make_instance: Callable[[LoadModel], Instance],
) -> TuningTrial:
    assignment = _with(model.assignment, candidate)
    tried = replace(model, assignment=assignment, tuned=None)
    plan = plan_instance(tried, budget.figures().limit)
    if not budget.reserve(candidate, model.public_id, plan.total_bytes):
        free = max(0, budget.figures().free) / GB
        raise CannotTune(
            Notice("notices.tuning_memory", model=model.id, need=f"{plan.total_bytes / GB:.1f}", free=f"{free:.1f}")
        )
    try:
        async with budget.load_turn():
            spec = load_message(tried, plan, cache_dir)
            return await run_trial(spec, candidate, prompts, make_instance=make_instance)
    except (InstanceLoadError, InstanceLost, RequestRefused) as error:
        raise CannotTune(
            Notice("notices.tuning_failed", model=model.id, pipeline=candidate.pipeline, error=error)
        ) from error
    finally:
        budget.release(candidate)


def _with(assignment: ModelAssignment, candidate: PipelineSettings) -> ModelAssignment:
    """Room for what is tried, no more."""
    streams = STREAMS if candidate.pipeline == "continuous_batching" else 1
    return assignment.model_copy(
        update={
            "pipeline": candidate.pipeline,
            "max_num_batched_tokens": candidate.max_num_batched_tokens,
            "max_concurrent": streams,
        }
    )

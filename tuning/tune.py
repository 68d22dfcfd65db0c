"""Trying a model's settings on a device, one after the other, and writing down which are best."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from chat.tokenizer import ChatTokenizer
from configuration.device_config import ConfigStore, DeviceSettings
from configuration.suggested_command import suggested_command
from configuration.tuning_store import STREAMS, PipelineSettings, Tuning, TuningTrial, Work, best_of, tuning_store
from hardware.devices import available_devices
from instances.handle import Instance, InstanceLoadError, InstanceLost, RequestRefused
from instances.protocol import LoadModel
from memory.budget import MemoryBudget, device_budget
from memory.readings import GB
from notices import Notice
from pools.drafts import find_draft
from pools.instance_plan import InstancePlan, load_message, plan_instance
from pools.model_assignment import served_model
from pools.served_model import ServedModel
from tuning.candidates import DEFAULT, STAGES
from tuning.trials import TEXT, Prompts, run_trial
from tuning.work import PROMPT_TOKENS, Questions


class CannotTune(Exception):
    """The text says why, and what to do."""


async def tune(
    device: str,
    model_id: str,
    data_dir: Path,
    *,
    work: Work = "chat",
    on_trial: Callable[[PipelineSettings], None] = lambda settings: None,
    on_skipped: Callable[[CannotTune], None] = lambda reason: None,
    make_instance: Callable[[LoadModel], Instance] = Instance,
) -> Tuning:
    """Try an assigned model's settings, stage by stage on top of the best so far, and record what came of it. Takes
    some minutes for a large model. What cannot be tried after the pipelines is left out: a draft, if memory has
    no room for it.

    Raises `CannotTune`, `ConfigError`, `DeviceUnavailable` and OSError.
    """
    model, settings = find_model(device, model_id, data_dir, tuned=False)
    if model.facts.vision:
        raise CannotTune(Notice("notices.one_pipeline", model=model_id))
    if model.on_npu:
        raise CannotTune(Notice("notices.one_pipeline_on_npu"))
    budget = device_budget(settings, model.device, data_dir)
    tokenizer = ChatTokenizer(model.directory)
    length = min(PROMPT_TOKENS[work], model.context_tokens // 2)
    prompts, questions = Prompts(tokenizer.encode(TEXT), length), Questions(tokenizer, work)
    trials: list[TuningTrial] = []

    async def run(candidate: PipelineSettings, stage: int) -> TuningTrial:
        on_trial(candidate)
        tried = _tried(model, candidate, settings, data_dir)
        with _room(tried, candidate, budget) as plan:
            async with budget.load_turn():
                spec = load_message(tried, plan, data_dir / f"cache_{device}")
                return await run_trial(spec, candidate, prompts, questions, stage=stage, make_instance=make_instance)

    try:
        for number, stage in enumerate(STAGES):
            for candidate in stage(best_of(trials).settings if trials else DEFAULT, model, settings, data_dir):
                try:
                    trials.append(await run(candidate, number))
                except CannotTune as reason:
                    if number == 0:
                        raise
                    on_skipped(reason)
    finally:
        budget.close()
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    tuning = Tuning(model.id, model.device.full_name, version("openvino"), now, length, trials, work)
    tuning_store(data_dir).record(tuning)
    return tuning


def find_model(device: str, model_id: str, data_dir: Path, *, tuned: bool = True) -> tuple[ServedModel, DeviceSettings]:
    """An assigned language model, as it is served or before tuning, and its device.

    Raises `CannotTune`, `ConfigError`, `DeviceUnavailable` and OSError.
    """
    devices = ConfigStore(data_dir / "device_config.json").load().devices
    settings = devices.get(device)
    if settings is None:
        raise CannotTune(Notice("notices.no_device", name=device, known=", ".join(devices)))
    assignment = next((each for each in settings.models if each.id == model_id), None)
    if assignment is None:
        command = suggested_command(f"assign {model_id} {device}", data_dir)
        raise CannotTune(f"{model_id} is not assigned to {device}: {command}")
    model = served_model(device, settings, assignment, data_dir, available_devices(), tuned=tuned)
    if model.problem:
        raise CannotTune(Notice("notices.model_unusable", model=model_id, problem=model.problem))
    if model.task != "generation":
        raise CannotTune(Notice("notices.one_pipeline", model=model_id))
    return model, settings


def _tried(model: ServedModel, candidate: PipelineSettings, settings: DeviceSettings, data_dir: Path) -> ServedModel:
    """The model with what is tried, and room for that, no more."""
    streams = STREAMS if candidate.pipeline == "continuous_batching" else 1
    assignment = candidate.filling(model.assignment).model_copy(update={"max_concurrent": streams})
    draft = None
    if candidate.drafted_tokens is not None:
        draft, _ = find_draft(settings, assignment, model.facts, model.directory, data_dir, model.device)
    return replace(model, assignment=assignment, draft=draft)


@contextlib.contextmanager
def _room(model: ServedModel, holder: PipelineSettings, budget: MemoryBudget) -> Iterator[InstancePlan]:
    """Memory for one trial, whose failure is told as what cannot be tuned."""
    plan = plan_instance(model, budget.figures().limit)
    if not budget.reserve(holder, model.public_id, plan.total_bytes):
        free = max(0, budget.figures().free) / GB
        raise CannotTune(
            Notice("notices.tuning_memory", model=model.id, need=f"{plan.total_bytes / GB:.1f}", free=f"{free:.1f}")
        )
    try:
        yield plan
    except (InstanceLoadError, InstanceLost, RequestRefused) as error:
        raise CannotTune(
            Notice("notices.tuning_failed", model=model.id, pipeline=holder.pipeline, error=error)
        ) from error
    finally:
        budget.release(holder)

"""From an entry of the configuration to a served model: its directory, its facts, the device it gets."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from configuration.device_config import DeviceSettings, ModelAssignment
from configuration.sampling import sampling_params
from configuration.tuning_store import tuning_store
from hardware.devices import DeviceInfo, ResolvedDevice, resolve_device
from model_files.facts import ModelFacts
from model_files.model_facts import read_facts
from model_files.npu_rules import pipeline_problem
from notices import Notice
from pools.drafts import find_draft
from pools.served_model import ModelDefaults, ServedModel

logger = logging.getLogger(__name__)


def served_model(
    device_name: str,
    settings: DeviceSettings,
    assignment: ModelAssignment,
    data_dir: Path,
    available: Sequence[DeviceInfo],
    *,
    tuned: bool = True,
) -> ServedModel:
    """What is known of an assigned model before it runs. A directory that cannot be used gives facts with a problem.
    Where the pipeline is left open, it and what else is left open are as tuning found best on this device, unless
    `tuned` is false.

    Raises `DeviceUnavailable`.
    """
    directory = (data_dir / assignment.path).resolve()
    facts = read_facts(directory)
    if facts.problem:
        logger.warning("%s: %s", assignment.id, facts.problem)
    device = _model_device(settings, assignment, facts, available)
    tuning = tuning_store(data_dir).find(assignment.id, device.full_name) if tuned else None
    if tuning is not None and assignment.pipeline == "auto":
        assignment = tuning.best.filling(assignment)
    draft, draft_problem = find_draft(settings, assignment, facts, directory, data_dir, device)
    if draft_problem:
        logger.warning("%s: %s", assignment.id, draft_problem)
    return ServedModel(
        id=assignment.id,
        public_id=f"{device_name}-{assignment.id}",
        directory=directory,
        facts=facts,
        assignment=assignment,
        device=device,
        model_defaults=ModelDefaults(assignment.system, None, sampling_params(assignment.parameters)),
        parallel_generations=settings.parallel_generations,
        draft=draft,
        draft_problem=draft_problem,
    )


def _model_device(
    settings: DeviceSettings, assignment: ModelAssignment, facts: ModelFacts, available: Sequence[DeviceInfo]
) -> ResolvedDevice:
    """The device of one model: NPUW_DEVICES runs the NPU's own pipeline on other devices, with or without an NPU."""
    reason = pipeline_problem(facts.kind, facts.embedding)
    if reason is not None and settings.device.upper().startswith("NPU"):
        return replace(resolve_device("CPU", None, available), requested=settings.device, fallback_reason=reason)
    stand_in = assignment.extra_config.get("NPUW_DEVICES")
    if settings.device.upper().startswith("NPU") and stand_in:
        reason = Notice("notices.npuw_devices", device=stand_in)
        return ResolvedDevice(settings.device, "NPU", f"NPU pipeline on {stand_in}", reason)
    return resolve_device(settings.device, settings.fallback_device, available)

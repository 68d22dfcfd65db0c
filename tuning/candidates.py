"""What tuning tries, in stages: the pipeline first, then what depends on it, each on top of the best so far."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil

from configuration.device_config import DeviceSettings
from configuration.tuning_store import THREADS, PipelineSettings
from pools.drafts import find_draft
from pools.served_model import ServedModel

DEFAULT = PipelineSettings("continuous_batching")
_DRAFTED_TOKENS = (3, 5, 8, 12)
_LOOKUP_TOKENS = 5

Stage = Callable[[PipelineSettings, ServedModel, DeviceSettings, Path], Iterator[PipelineSettings]]
"""From the best so far, the model, its device and the data directory to what is tried next."""


def pipelines(best: PipelineSettings, model: ServedModel, *_: object) -> Iterator[PipelineSettings]:
    yield best
    if model.assignment.max_num_batched_tokens is None:
        yield PipelineSettings("continuous_batching", max_num_batched_tokens=1024)
    yield PipelineSettings("llm_pipeline")


def threads(best: PipelineSettings, model: ServedModel, *_: object) -> Iterator[PipelineSettings]:
    """On a CPU the plugin's own choice is one thread a performance core. More or fewer can be quicker where cores
    differ, or where memory is what they wait for."""
    if not model.device.used.startswith("CPU") or THREADS in model.assignment.extra_config:
        return
    logical = os.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or logical
    for count in sorted({logical, physical, max(1, physical // 2)}):
        yield replace(best, threads=count)


def kv_cache(best: PipelineSettings, model: ServedModel, *_: object) -> Iterator[PipelineSettings]:
    """16 bits where they are not the model's own: some devices are quicker without unpacking. Fewer bits would change
    answers, which is not tuning's to decide."""
    chosen = model.assignment.kv_cache_precision is not None or model.assignment.precision == "exact"
    if best.pipeline == "continuous_batching" and not chosen and model.kv_format.keys != "f16":
        yield replace(best, kv_cache_precision="f16")


def speculation(
    best: PipelineSettings, model: ServedModel, settings: DeviceSettings, data_dir: Path
) -> Iterator[PipelineSettings]:
    """The draft model, if there is one, else guesses from the prompt. Both only help requests that run alone."""
    if best.pipeline != "continuous_batching" or model.assignment.prompt_lookup is not None:
        return
    wanted = model.assignment.model_copy(update={"draft": model.assignment.draft or "auto"})
    draft, _ = find_draft(settings, wanted, model.facts, model.directory, data_dir, model.device)
    if draft is not None:
        for tokens in _DRAFTED_TOKENS:
            yield replace(best, drafted_tokens=tokens)
    else:
        yield replace(best, prompt_lookup=_LOOKUP_TOKENS)


STAGES: tuple[Stage, ...] = (pipelines, threads, kv_cache, speculation)

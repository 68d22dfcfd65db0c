"""A model's speed on this machine in standard rows, in a form that two machines can compare."""

from __future__ import annotations

import asyncio
import datetime
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median

from chat.tokenizer import ChatTokenizer
from hardware.devices import driver_version
from instances.handle import Instance, InstanceLoadError, InstanceLost, RequestRefused
from instances.protocol import GenerationParams, LoadModel
from memory.budget import MemoryBudget, device_budget
from memory.readings import GB
from notices import Notice
from pools.instance_plan import load_message, plan_instance
from pools.served_model import ServedModel
from tuning.bench_report import BenchMachine, BenchReport, BenchRow
from tuning.trials import TEXT, Prompts
from tuning.tune import CannotTune, find_model

PROMPTS = (128, 512, 2048, 8192)
STREAMS = (1, 8, 32)
QUICK_PROMPTS, QUICK_STREAMS = (128, 512), (1, 8)
ANSWER_TOKENS = 64
_SPARE_TOKENS = 64
_HOLDER = "bench"


@dataclass(frozen=True)
class Power:
    """As the system tells."""

    on_battery: bool
    profile: str


async def bench(
    device: str,
    model_id: str,
    data_dir: Path,
    power: Power,
    *,
    quick: bool = False,
    on_row: Callable[[BenchRow], None] = lambda row: None,
    make_instance: Callable[[LoadModel], Instance] = Instance,
) -> BenchReport:
    """Measure an assigned model in an instance of its own.

    Raises `CannotTune`, `ConfigError`, `DeviceUnavailable` and OSError.
    """
    prompts, streams = (QUICK_PROMPTS, QUICK_STREAMS) if quick else (PROMPTS, STREAMS)
    model, settings = find_model(device, model_id, data_dir)
    if model.facts.vision:
        raise CannotTune(Notice("notices.bench_no_images", model=model_id))
    model = _with_streams(model, max(streams))
    budget = device_budget(settings, model.device, data_dir)
    plan = plan_instance(model, budget.figures().limit)
    try:
        if not budget.reserve(_HOLDER, model.public_id, plan.total_bytes):
            free = max(0, budget.figures().free) / GB
            need = f"{plan.total_bytes / GB:.1f}"
            raise CannotTune(Notice("notices.tuning_memory", model=model.id, need=need, free=f"{free:.1f}"))
        instance = make_instance(load_message(model, plan, data_dir / f"cache_{device}"))
        try:
            async with budget.load_turn():
                ready = await instance.load()
            budget.attach(_HOLDER, instance.pid)
            ids = ChatTokenizer(model.directory).encode(TEXT)
            rows: list[BenchRow] = []
            skipped: list[str] = []
            for length in prompts:
                for count in streams:
                    if reason := _too_much(model, plan.kv_cache_tokens, length, count):
                        skipped.append(reason)
                        continue
                    rows.append(await _row(instance, Prompts(ids, length), length, count, budget))
                    on_row(rows[-1])
        finally:
            await instance.stop()
    except (InstanceLoadError, InstanceLost, RequestRefused) as error:
        raise CannotTune(
            Notice("notices.tuning_failed", model=model.id, pipeline=model.pipeline, error=error)
        ) from error
    finally:
        budget.release(_HOLDER)
        budget.close()
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    machine = _machine(model, power)
    seconds = ready.load_seconds + ready.warm_up_seconds
    return BenchReport(model.id, model.facts.quantization, model.pipeline, now, machine, seconds, rows, skipped)


def _with_streams(model: ServedModel, streams: int) -> ServedModel:
    wanted = 1 if model.one_at_a_time else streams
    return replace(model, assignment=model.assignment.model_copy(update={"max_concurrent": wanted}))


def _too_much(model: ServedModel, capacity: int, prompt: int, streams: int) -> str | None:
    row = f"{prompt} tokens × {streams}"
    needed = prompt + ANSWER_TOKENS
    if needed > model.context_tokens or (model.max_prompt_tokens or needed) < prompt:
        return f"{row}: longer than the model's context of {model.context_tokens} tokens."
    if model.one_at_a_time:
        return f"{row}: it answers one request at a time." if streams > 1 else None
    if streams * (needed + _SPARE_TOKENS) > capacity:
        return f"{row}: its KV cache holds {capacity} tokens."
    return None


async def _row(instance: Instance, prompts: Prompts, length: int, streams: int, budget: MemoryBudget) -> BenchRow:
    await _answer(instance, prompts.next(), 2)  # the first of a length compiles kernels
    started = time.perf_counter()
    answers = await asyncio.gather(*(_answer(instance, prompts.next(), ANSWER_TOKENS) for _ in range(streams)))
    seconds = time.perf_counter() - started
    firsts = [first for first, _ in answers]
    speed = sum(tokens for _, tokens in answers) / seconds
    return BenchRow(length, streams, round(1e3 * median(firsts), 1), round(speed, 2), budget.measured(_HOLDER))


async def _answer(instance: Instance, prompt: list[int], tokens: int) -> tuple[float, int]:
    """Seconds to the first token, and how many came."""
    started = time.perf_counter()
    first, count = 0.0, 0
    with instance.generate(prompt, GenerationParams(max_tokens=tokens, temperature=0, ignore_eos=True)) as generation:
        async for output in generation:
            first = first or (time.perf_counter() - started if output.tokens else 0.0)
            count += len(output.tokens)
    return first, count


def _machine(model: ServedModel, power: Power) -> BenchMachine:
    return BenchMachine(
        device=model.device.full_name,
        driver=driver_version(model.device.used),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        openvino=version("openvino"),
        openvino_genai=version("openvino-genai"),
        on_battery=power.on_battery,
        power_profile=power.profile,
    )

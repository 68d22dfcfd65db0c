"""A model's speed on this machine in standard rows, in a form that two machines can compare."""

from __future__ import annotations

import asyncio
import datetime
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median

import msgspec

from chat.tokenizer import ChatTokenizer
from hardware.devices import driver_version
from instances.handle import Instance, InstanceLoadError, InstanceLost, RequestRefused
from instances.protocol import GenerationParams, LoadModel
from memory.budget import MemoryBudget, device_budget
from memory.readings import GB
from notices import Notice
from pools.instance_plan import load_message, plan_instance
from pools.served_model import ServedModel
from tuning.trials import TEXT, Prompts
from tuning.tune import CannotTune, find_model

PROMPTS = (128, 512, 2048, 8192)
STREAMS = (1, 8, 32)
QUICK_PROMPTS, QUICK_STREAMS = (128, 512), (1, 8)
ANSWER_TOKENS = 64
_SPARE_TOKENS = 64
_HOLDER = "bench"


class BenchMachine(msgspec.Struct, frozen=True):
    """What the figures depend on beside the model. `power_profile` is empty where the system tells of none."""

    device: str
    driver: str | None
    system: str
    python: str
    openvino: str
    openvino_genai: str
    on_battery: bool
    power_profile: str


class BenchRow(msgspec.Struct, frozen=True):
    """Prompts of so many tokens, each new, answered with 64 tokens at temperature 0 on so many streams at once: the
    median time to the first token, tokens of answers per second from first request to last token, and the memory that
    the instance has then (bytes)."""

    prompt_tokens: int
    streams: int
    first_token_ms: float
    tokens_per_second: float
    memory_bytes: int | None


class BenchReport(msgspec.Struct, frozen=True):
    """`skipped` says of each row that was left out why."""

    model: str
    quantization: str | None
    pipeline: str
    measured_at: str
    machine: BenchMachine
    load_seconds: float
    rows: list[BenchRow]
    skipped: list[str] = []


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


def read_report(path: Path) -> BenchReport:
    """Raises OSError, and ValueError on a file that is no report."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=BenchReport)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path.name} is not a report of bench: {error}") from error


def compared(one: BenchReport, other: BenchReport) -> list[tuple[BenchRow, BenchRow]]:
    """The rows that both have."""
    rows = {(row.prompt_tokens, row.streams): row for row in other.rows}
    return [(row, rows[key]) for row in one.rows if (key := (row.prompt_tokens, row.streams)) in rows]


def differences(one: BenchReport, other: BenchReport) -> Sequence[str]:
    """What else is not the same of two reports, which the comparison then is of too."""
    pairs = {
        "model": (one.model, other.model),
        "quantization": (one.quantization, other.quantization),
        "pipeline": (one.pipeline, other.pipeline),
        **{name: (getattr(one.machine, name), getattr(other.machine, name)) for name in BenchMachine.__struct_fields__},
    }
    return [f"{name}: {first} | {second}" for name, (first, second) in pairs.items() if first != second]

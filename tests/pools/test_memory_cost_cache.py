"""What instances were seen to take, and that what is planned for the next one is that."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.devices import ResolvedDevice
from instances.handle import Instance
from instances.protocol import InstanceReady, LoadModel
from memory.budget import MemoryBudget
from memory.readings import MemoryReading, PhysicalMemory, ProcessMemory
from pools.instance_plan import plan_instance
from pools.memory_cost_cache import MemoryCostCache
from tests.pools.driving import Request, answer, clock, run, settle
from tests.pools.fakes import TOTAL, Factory, FakeInstance, instance_bytes, make_manager, served_model

SPEC = LoadModel("model", "CPU", "llm_pipeline", {}, None, 0, 256, 0)
MIB = 2**20


def test_costs_are_remembered_without_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "資料" / "costs.json"
    MemoryCostCache(path).record(SPEC, 300 * MIB)
    assert MemoryCostCache(path).known(SPEC) == 300 * MIB


def test_what_was_measured_at_a_launcher_is_forgotten(tmp_path: Path) -> None:
    """A launcher in front of the worker takes a few MB, whatever the model."""
    path = tmp_path / "costs.json"
    book = MemoryCostCache(path)
    book.record(SPEC, 300 * MIB)
    costs = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict.fromkeys(costs, 9 * MIB)), encoding="utf-8")
    assert MemoryCostCache(path).known(SPEC) is None


class MeasuredInstance(FakeInstance):
    async def load(self) -> InstanceReady:
        self._pid = 7
        return await super().load()


class MeasuredFactory(Factory):
    def __call__(self, spec: LoadModel) -> Instance:
        instance = MeasuredInstance(spec, lambda: self.failure)
        self.made.append(instance)
        return instance


@pytest.mark.parametrize(("device", "cache_is_there"), [("CPU", False), ("GPU", True), ("GPU.1", True)])
def test_after_its_first_load_a_model_is_planned_as_it_was_measured(device: str, cache_is_there: bool) -> None:
    """Though a request waits for it, so that no instance ever stands unasked. A GPU's cache is part of what a fresh
    process takes and must not be counted once more."""

    async def work() -> None:
        model = replace(served_model("a"), device=ResolvedDevice(device, device, device))
        plan = plan_instance(model, TOTAL)
        taken = plan.weight_bytes + 321 * MIB + (plan.kv_cache_bytes if cache_is_there else 0)
        reading = PhysicalMemory("system", lambda: MemoryReading(TOTAL, TOTAL), {7: ProcessMemory(taken, taken)}.get)
        factory = MeasuredFactory()
        manager = make_manager([model], MemoryBudget(reading), factory, clock)
        assert manager.instance_bytes("a") == instance_bytes(model)
        request = Request(manager, "a")
        await settle()
        await answer(factory.made[0])
        assert await request.task == [7]
        assert manager.instance_bytes("a") == plan.weight_bytes + 321 * MIB + plan.kv_cache_bytes

    run(work())


def test_a_reading_without_the_cache_never_costs_a_gpu_its_weights() -> None:
    """Where a driver makes buffers resident later than others, the reading is less than weights and cache."""

    async def work() -> None:
        model = replace(served_model("a"), device=ResolvedDevice("GPU", "GPU", "GPU"))
        plan = plan_instance(model, TOTAL)
        taken = plan.weight_bytes + 1
        reading = PhysicalMemory("system", lambda: MemoryReading(TOTAL, TOTAL), {7: ProcessMemory(taken, taken)}.get)
        manager = make_manager([model], MemoryBudget(reading), MeasuredFactory(), clock)
        await manager.preload("a", 1)
        assert manager.instance_bytes("a") == plan.weight_bytes + plan.kv_cache_bytes

    run(work())


@pytest.mark.parametrize(
    ("kind", "quantization", "file_mb", "taken_mb"),
    [
        ("llm", "FP16", 269.0, 718),
        ("llm", "INT8_ASYM", 135.2, 458),
        ("llm", "INT4_ASYM g64 r1.0", 85.8, 373),
        ("gguf", "F16", 270.9, 1039),
        ("gguf", "Q8_0", 144.8, 525),
        ("gguf", "Q4_1", 98.4, 415),
        ("gguf", "Q4_0", 77.6, 402),
    ],
)
def test_before_its_first_load_a_model_is_planned_about_as_real_ones_were_measured(
    kind: str, quantization: str, file_mb: float, taken_mb: int
) -> None:
    """What SmolLM2-135M took on a CPU beside its KV cache: docs/benchmarks.md, "Memory"."""
    model = served_model("a", weight_bytes=int(file_mb * 1e6))
    plan = plan_instance(replace(model, facts=replace(model.facts, kind=kind, quantization=quantization)), TOTAL)
    assert 0.98 <= (plan.total_bytes - plan.kv_cache_bytes) / (taken_mb * 1e6) <= 1.15

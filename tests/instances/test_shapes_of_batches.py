"""A worker that is sent batches of ever new shapes: the code generated for them is kept within bounds."""

from pathlib import Path

import psutil
import pytest

from configuration.device_config import ModelAssignment
from hardware.devices import ResolvedDevice
from instances.handle import Instance
from instances.protocol import VectorizeTexts
from model_files.model_facts import read_facts
from pools.instance_plan import load_message, plan_instance
from pools.served_model import ServedModel

pytestmark = pytest.mark.long

MODEL = Path(__file__).resolve().parent.parent / "models" / "test_embedding"
LENGTHS = range(1, 201, 2)


def embedding_model(**extra: object) -> ServedModel:
    return ServedModel(
        id="test/embedding",
        public_id="gpu-test/embedding",
        directory=MODEL,
        facts=read_facts(MODEL),
        assignment=ModelAssignment(id="test/embedding", path=str(MODEL), extra_config=extra),
        device=ResolvedDevice("GPU", "CPU", "CPU"),
    )


async def growth(model: ServedModel) -> tuple[int, int]:
    """By how many bytes the worker grew over 400 shapes, and over 400 more."""
    instance = Instance(load_message(model, plan_instance(model, 10**9), None))
    await instance.load()
    assert instance.pid is not None
    worker = psutil.Process(instance.pid)
    sizes = [worker.memory_full_info().uss]
    try:
        for counts in (range(1, 5), range(5, 9)):
            for count in counts:
                for length in LENGTHS:
                    await instance.compute(VectorizeTexts(0, ["x " * length] * count, True))
            sizes.append(worker.memory_full_info().uss)
    finally:
        await instance.stop()
    return sizes[1] - sizes[0], sizes[2] - sizes[1]


async def test_a_worker_stops_growing() -> None:
    first, later = await growth(embedding_model())
    assert later < first / 3


async def test_the_bound_is_the_users_to_set() -> None:
    first, later = await growth(embedding_model(CPU_RUNTIME_CACHE_CAPACITY=5000))
    assert later > first / 2

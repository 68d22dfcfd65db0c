"""The first answer after a load, where its prompt begins as earlier ones did."""

import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.measurements.section import Row, Section
from configuration.device_config import ModelAssignment
from hardware.devices import ResolvedDevice
from instances.protocol import GenerationParams
from memory.budget import MemoryBudget
from memory.readings import PhysicalMemory, read_system_memory
from model_files.model_facts import read_facts
from model_manager import ModelManager
from pools.served_model import ServedModel
from pools.statistics import Timings

_TOKENS = 1900
_OWN = 24
_ID = "bench/warm"


def warm_prefixes(model: Path, runs: int, *, device: str) -> Section:
    """First token of a prompt that begins with 1,900 known tokens, after a load, over that of the next such prompt."""
    first, cold = asyncio.run(_measure(model, runs, device))
    rows = [
        Row("first answer after a load, the beginning known", first, "× a second one"),
        Row("the same without warm_prefixes", cold, "× a second one"),
    ]
    return Section("warm-prefixes", f"First token, {_TOKENS} tokens that prompts begin with", rows=rows)


async def _measure(model: Path, runs: int, device: str) -> tuple[list[float], list[float]]:
    ratios: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        seen = _manager(model, device, Path(folder), warm=True)
        for number in range(2):
            await _first_token(seen, number)
        await seen.stop()
        for run in range(runs):
            for warm in (True, False):
                # Switching it off forgets what was kept, so that side has a folder of its own.
                manager = _manager(model, device, Path(folder, "" if warm else "cold"), warm=warm)
                await manager.preload(_ID, 1)
                if warm:
                    await _settled(manager)
                first = await _first_token(manager, 10 + 2 * run)
                ratios[warm].append(first / await _first_token(manager, 11 + 2 * run))
                await manager.stop()
    return ratios[True], ratios[False]


def _manager(model: Path, device: str, folder: Path, *, warm: bool) -> ModelManager:
    folder.mkdir(exist_ok=True)
    assignment = ModelAssignment(id=_ID, path=str(model), instance_memory_gb=0.3, warm_prefixes=warm)
    resolved = ResolvedDevice(device, device, device)
    served = ServedModel(_ID, f"x-{_ID}", model, read_facts(model), assignment, resolved)
    memory = PhysicalMemory("system", read_system_memory, lambda _: None)
    return ModelManager([served], MemoryBudget(memory), cache_dir=folder)


async def _settled(manager: ModelManager) -> None:
    pool = manager.pool(_ID)
    while not pool.loaded_instances[0].served or pool.active:  # noqa: ASYNC110  work of the manager's own
        await asyncio.sleep(0.05)


async def _first_token(manager: ModelManager, number: int) -> float:
    prompt = [100 + place % 900 for place in range(_TOKENS)] + [1500 + number] * _OWN
    started = time.perf_counter()
    async for _ in manager.generate(_ID, prompt, GenerationParams(max_tokens=1, temperature=0), Timings(0.0)):
        pass
    return time.perf_counter() - started

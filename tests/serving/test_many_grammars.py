"""A real instance that holds many compiled grammars is replaced amid its work."""

import asyncio
import re
from pathlib import Path
from typing import Any

from configuration.device_config import DeviceSettings, ModelAssignment
from hardware.devices import DeviceInfo
from instances.protocol import GenerationParams, Regex
from memory.budget import MemoryBudget
from memory.readings import system_memory
from model_manager import ModelManager
from pools.model_assignment import served_model
from pools.renewal import renew
from pools.statistics import Timings
from tests.apis.servers import CHAT, MODELS, Script

MANY_BYTES = 300 * 2**20
LONG = GenerationParams(max_tokens=1500, temperature=0, ignore_eos=True)
FORM = GenerationParams(max_tokens=8, temperature=0, structure=Regex("[0-9]{4}"), structure_bytes=MANY_BYTES)


async def test_a_stream_goes_on_elsewhere_and_a_form_is_kept(tmp_path: Path) -> None:
    assignment = ModelAssignment(id=CHAT, path=str(MODELS / "test_chat"), max_concurrent=4)
    settings = DeviceSettings(port=1, device="CPU", models=[assignment])
    model = served_model("cpu", settings, assignment, tmp_path, [DeviceInfo("CPU", "Test CPU", None)])
    manager = ModelManager([model], MemoryBudget(system_memory()))
    pool, script = manager.pool(CHAT), Script()
    prompt = script.encode("Hello")

    async def tokens(sampling: GenerationParams, begun: asyncio.Event | None = None) -> list[int]:
        found: list[int] = []
        outputs: Any = manager.generate(CHAT, prompt, sampling, Timings(manager.clock()))
        async for output in outputs:
            found += output.tokens
            if begun is not None:
                begun.set()
        return found

    undisturbed = await tokens(LONG)
    begun = asyncio.Event()
    long = asyncio.create_task(tokens(LONG, begun))
    await begun.wait()
    form = asyncio.create_task(tokens(FORM))
    [loaded] = pool.loaded_instances
    while loaded in pool.loaded_instances:  # as the housekeeping does
        await asyncio.sleep(0.01)
        if loaded.recycled:
            await renew(pool, loaded)
    assert re.fullmatch("[0-9]{4}", script.decode(await form).removesuffix("<|im_end|>"))
    assert await long == undisturbed
    assert manager.statistics[CHAT].resumed == 1
    assert pool.loaded_instances[0].instance.pid != loaded.instance.pid
    await manager.stop()

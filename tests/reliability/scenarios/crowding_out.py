"""More models than memory: all are served, in turn, and the device never takes more than it may."""

import asyncio
import random
from pathlib import Path
from typing import Any

import psutil

from tests.reliability.scenarios.clients import answer, client, request
from tests.reliability.scenarios.result import Result
from tests.support.launch import DeviceProcess, device_process, instance_bytes

_GB = 10**9
_SAMPLE_SECONDS = 0.1


async def more_models_than_memory(
    model: Path, folder: Path, *, models: int, fitting: int, requests: int, clients: int, kv_cache_gb: float
) -> Result:
    """`models` copies of the model at `model`, memory for `fitting` of them, so many requests over all of them in
    random order from so many clients."""
    result = Result(f"{models} models in the memory of {fitting}, {requests} requests from {clients} clients")
    assigned = [_assignment(number, model, kv_cache_gb) for number in range(models)]
    limit = (fitting + 0.5) * instance_bytes(assigned[0], folder)
    with device_process(folder, models=assigned, memory_limit_gb=limit / _GB, queue_timeout=1200.0) as server:
        watch = asyncio.create_task(_watch(server))
        wrong = await _ask_all(server, [entry["id"] for entry in assigned], requests, clients)
        watch.cancel()
        reserved, resident = await watch
        unloads = server.log().count("to make room for")
    result.figures = {
        "answered": requests - len(wrong),
        "most reserved GB": f"{reserved / _GB:.2f}",
        "most resident GB": f"{resident / _GB:.2f}",
        "limit GB": f"{limit / _GB:.2f}",
        "unloaded for others": unloads,
    }
    result.expect(not wrong, f"{len(wrong)} requests were not answered, like {wrong[:1]}")
    result.expect(0 < reserved <= limit, f"{reserved / _GB:.2f} GB were reserved of {limit / _GB:.2f} GB")
    result.expect(0 < resident <= limit, f"the workers took {resident / _GB:.2f} GB of {limit / _GB:.2f} GB")
    result.expect(unloads > 0, "the log names no model that was unloaded for another")
    return result


def _assignment(number: int, model: Path, kv_cache_gb: float) -> dict[str, Any]:
    # Copies with settings that differ in nothing that costs memory.
    return {"id": f"copy/{number}", "path": str(model), "max_concurrent": 8, "instance_memory_gb": kv_cache_gb}


async def _ask_all(server: DeviceProcess, ids: list[str], requests: int, clients: int) -> list[str]:
    source = random.Random(1)
    order = [source.choice(ids) for _ in range(requests)]
    wrong: list[str] = []
    async with client(server.url) as http:

        async def ask() -> None:
            while order:
                model = order.pop()
                try:
                    await answer(http, request(model, "hello", max_tokens=16, ignore_eos=True))
                except Exception as error:
                    wrong.append(f"{model}: {error}")

        await asyncio.gather(*(ask() for _ in range(clients)))
    return wrong


async def _watch(server: DeviceProcess) -> tuple[int, int]:
    """The most that was reserved and the most that the workers took, until cancelled."""
    reserved = resident = 0
    try:
        while True:
            figures = await asyncio.to_thread(server.get, "/memory")
            reserved = max(reserved, figures["reserved_bytes"])
            resident = max(resident, sum(map(_resident, server.workers())))
            await asyncio.sleep(_SAMPLE_SECONDS)
    except asyncio.CancelledError:
        return reserved, resident


def _resident(pid: int) -> int:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0

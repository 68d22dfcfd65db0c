"""Another program takes the machine's memory: the server gives way, says so, and recovers by itself."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from memory.readings import read_system_memory
from tests.reliability.scenarios.clients import QUESTIONS, BrokenStream, answer, client, request
from tests.reliability.scenarios.result import Result
from tests.support.launch import DEMO_ID, demo_model, device_process

_GB = 10**9
_MARGIN_SHARE = 0.2
_BALLOON_SHARE = 0.35


async def balloon(folder: Path, *, seconds: float, clients: int, max_concurrent: int = 16) -> Result:
    """A process takes memory down to the configured reserve for so many seconds while clients go on asking.

    The reserve is set so high that a part of the machine's memory is enough to reach it.
    """
    result = Result(f"a balloon for {seconds:g} s under {clients} clients")
    available = read_system_memory().available
    reserve = available * (1 - _MARGIN_SHARE) / _GB
    model = demo_model(instance_memory_gb=0.1, max_concurrent=max_concurrent)
    models = [model, {**model, "id": "demo/idle"}]
    counts = {"answered": 0, "refused": 0}
    wrong: list[str] = []
    with device_process(folder, models=models, memory_reserve_gb=round(reserve, 3)) as server:
        server.post("/model/preload/demo/idle/1", None).raise_for_status()
        server.chat(QUESTIONS[1])
        normal = _ceiling(server.health())
        stop = asyncio.Event()
        async with client(server.url) as http:

            async def ask() -> None:
                while not stop.is_set():
                    try:
                        await answer(http, request(server.model, QUESTIONS[0]))
                        counts["answered"] += 1
                    except BrokenStream as error:
                        counts["refused"] += 1
                        if " GB" not in str(error):
                            wrong.append(str(error))

            asking = [asyncio.create_task(ask()) for _ in range(clients)]
            async with _balloon(int(available * _BALLOON_SHARE)):
                lowest, idle_gone = await _lowest_ceiling(server, seconds)
            recovered = await _recovers(server, normal)
            stop.set()
            await asyncio.gather(*asking)
        log = server.log()
    result.figures = {
        **counts,
        "requests at once": f"{normal} → {lowest} → {recovered}",
        "idle model unloaded": idle_gone,
        "said in the log": "Memory is short" in log or "memory is short" in log,
    }
    result.expect(idle_gone, "the idle model was kept")
    result.expect(lowest < normal, "the number of requests at once did not fall")
    result.expect(recovered == normal, f"{recovered} of {normal} requests at once came back")
    result.expect(not wrong, f"requests failed without figures: {wrong[:1]}")
    result.expect(counts["answered"] > 0, "no request was answered")
    return result


def _ceiling(health: Any) -> int:
    return next(model["max_active"] for model in health["models"] if model["id"] == DEMO_ID)


async def _lowest_ceiling(server: Any, seconds: float) -> tuple[int, bool]:
    ends_at = time.monotonic() + seconds
    lowest, idle_gone = _ceiling(server.health()), False
    while time.monotonic() < ends_at:
        health = await asyncio.to_thread(server.health)
        lowest = min(lowest, _ceiling(health))
        idle_gone = idle_gone or any(m["id"] == "demo/idle" and not m["instances"] for m in health["models"])
        await asyncio.sleep(0.1)
    return lowest, idle_gone


async def _recovers(server: Any, normal: int) -> int:
    ends_at = time.monotonic() + 60
    while (  # noqa: ASYNC110  another process's state
        now := _ceiling(await asyncio.to_thread(server.health))
    ) < normal and time.monotonic() < ends_at:
        await asyncio.sleep(0.2)
    return now


@asynccontextmanager
async def _balloon(size: int) -> AsyncIterator[None]:
    """A process that holds `size` bytes of touched memory."""
    context = multiprocessing.get_context("spawn")
    full, burst = context.Event(), context.Event()
    process = context.Process(target=_inflate, args=(size, full, burst), daemon=True)
    process.start()
    try:
        await asyncio.to_thread(full.wait)
        yield
    finally:
        burst.set()
        await asyncio.to_thread(process.join)


def _inflate(size: int, full: Event, burst: Event) -> None:
    with suppress(KeyboardInterrupt):
        memory = bytearray(size)
        memory[::4096] = b"x" * len(memory[::4096])
        full.set()
        burst.wait()
        del memory

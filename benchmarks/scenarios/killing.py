"""Workers are killed under streaming clients: every answer comes whole, and as if nothing had happened."""

import asyncio
import contextlib
import itertools
import time

import psutil

from benchmarks.launch import DeviceProcess
from benchmarks.scenarios.clients import QUESTIONS, BrokenStream, answer, answers_alone, client, request
from benchmarks.scenarios.result import Result

_LOOK_SECONDS = 0.05
_WORKS_SECONDS = 0.5


async def kill_workers(server: DeviceProcess, *, seconds: float, every: float, clients: int) -> Result:
    """Kill a worker `every` so many seconds for `seconds`, while so many clients ask one question after another.

    One that still loads, or has only just begun to answer, is spared: killed three times in a row before it said
    anything, a model is given up, and that is as it should be.
    """
    result = Result(f"a worker killed every {every:g} s for {seconds:g} s under {clients} clients")
    async with client(server.url) as http:
        alone = await answers_alone(http, server.model)
        ends_at = time.monotonic() + seconds
        wrong: list[str] = []
        count = 0

        async def ask(number: int) -> None:
            nonlocal count
            for turn in itertools.count(number):
                if time.monotonic() > ends_at:
                    return
                question = QUESTIONS[turn % len(QUESTIONS)]
                try:
                    text = await answer(http, request(server.model, question))
                except BrokenStream as error:
                    text = f"({error})"
                count += 1
                if text != alone[question]:
                    wrong.append(f"{question} → {text!r} instead of {alone[question]!r}")

        killer = asyncio.create_task(_kill(server, every))
        await asyncio.gather(*(ask(number) for number in range(clients)))
        killer.cancel()
        kills = (await asyncio.gather(killer, return_exceptions=True))[0]
    stats = server.get(f"/model/stats?model={server.model}")
    result.figures = {"answers": count, "wrong": len(wrong), "resumed": stats["resumed"], "failed": stats["failed"]}
    result.expect(not wrong, f"{len(wrong)} answers were not as undisturbed, like {wrong[:1]}")
    result.expect(stats["resumed"] > 0, "no request was resumed: nothing was tried")
    result.expect(isinstance(kills, asyncio.CancelledError), f"the killer ended early: {kills!r}")
    return result


async def _kill(server: DeviceProcess, every: float) -> None:
    due = time.monotonic() + every
    seen: dict[int, float] = {}
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        working = await asyncio.to_thread(_working, server)
        now = time.monotonic()
        seen = {pid: seen.get(pid, now) for pid in working}
        ripe = [pid for pid, since in seen.items() if now >= since + _WORKS_SECONDS]
        if now < due or not ripe:
            continue
        for pid in ripe:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        due = now + every


def _working(server: DeviceProcess) -> list[int]:
    """The workers that have something to answer."""
    instances = server.get(f"/model/instances?model={server.model}")["instances"]
    return [instance["pid"] for instance in instances if instance["active"]]

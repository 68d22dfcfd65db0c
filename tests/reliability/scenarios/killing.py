"""Workers are killed under streaming clients: every answer comes whole, and as if nothing had happened."""

import asyncio
import contextlib
import itertools
import time

import psutil

from tests.reliability.scenarios.clients import QUESTIONS, BrokenStream, answer, answers_alone, client, request
from tests.reliability.scenarios.result import Result
from tests.support.launch import DeviceProcess

_LOOK_SECONDS = 0.05
_WORKS_TOKENS = 4
"""That each client is given, about, before a worker is worth killing."""


async def kill_workers(server: DeviceProcess, *, seconds: float, every: float, clients: int) -> Result:
    """Kill a worker `every` so many seconds for `seconds`, and once at least, while so many clients ask one question
    after another.

    One that still loads, or has only just begun to answer, is spared: killed three times in a row before it said
    anything, a model is given up, and that is as it should be.
    """
    result = Result(f"a worker killed every {every:g} s for {seconds:g} s under {clients} clients")
    async with client(server.url) as http:
        alone = await answers_alone(http, server.model)
        ends_at = time.monotonic() + seconds
        wrong: list[str] = []
        killed: list[int] = []
        count = 0

        async def ask(number: int) -> None:
            nonlocal count
            for turn in itertools.count(number):
                if time.monotonic() > ends_at and (killed or killer.done()):
                    return
                question = QUESTIONS[turn % len(QUESTIONS)]
                try:
                    text = await answer(http, request(server.model, question))
                except BrokenStream as error:
                    text = f"({error})"
                count += 1
                if text != alone[question]:
                    wrong.append(f"{question} → {text!r} instead of {alone[question]!r}")

        killer = asyncio.create_task(_kill(server, every, _WORKS_TOKENS * clients, killed))
        await asyncio.gather(*(ask(number) for number in range(clients)))
        killer.cancel()
        kills = (await asyncio.gather(killer, return_exceptions=True))[0]
    stats = server.get(f"/model/stats?model={server.model}")
    result.figures = {"answers": count, "wrong": len(wrong), "resumed": stats["resumed"], "failed": stats["failed"]}
    result.expect(not wrong, f"{len(wrong)} answers were not as undisturbed, like {wrong[:1]}")
    result.expect(stats["resumed"] > 0, "no request was resumed: nothing was tried")
    result.expect(isinstance(kills, asyncio.CancelledError), f"the killer ended early: {kills!r}")
    return result


async def _kill(server: DeviceProcess, every: float, worth: int, killed: list[int]) -> None:
    """Notes in `killed` whom; `worth`: the tokens that an instance gives before."""
    due = time.monotonic() + every
    seen: dict[int, int] = {}
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        working, tokens = await asyncio.to_thread(_work, server)
        seen = {pid: seen.get(pid, tokens) for pid in working}
        ripe = [pid for pid, before in seen.items() if tokens >= before + worth]
        if time.monotonic() < due or not ripe:
            continue
        for pid in ripe:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        killed += ripe
        due = time.monotonic() + every


def _work(server: DeviceProcess) -> tuple[list[int], int]:
    """The workers that have something to answer, and the tokens that all have given so far."""
    instances = server.get(f"/model/instances?model={server.model}")["instances"]
    tokens = server.get(f"/model/stats?model={server.model}")["generated_tokens"]
    return [instance["pid"] for instance in instances if instance["active"]], tokens

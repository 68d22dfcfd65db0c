"""Very many clients at once: those who stay are answered, those who leave cost nothing."""

import asyncio
import gc
from contextlib import aclosing
from typing import Any

from tests.reliability.scenarios.clients import QUESTIONS, answer, answers_alone, client, pieces, request
from tests.reliability.scenarios.result import Result
from tests.support.launch import DeviceProcess

_MB = 10**6
_AT_ONCE = 50


class _QueueFigures:
    """What the server says of its queue, held against itself and against what the clients know."""

    def __init__(self) -> None:
        self.readings = 0
        self.running = 0
        self.waiting = 0
        self.wrong: list[str] = []

    def check(self, stats: dict[str, Any], unanswered: int) -> None:
        """`unanswered` is how many clients had no answer when the server was asked."""
        running, waiting = stats["active"], stats["waiting"]
        self.readings += 1
        self.running, self.waiting = max(self.running, running), max(self.waiting, len(waiting))
        whole = stats["queued"] == len(waiting) and running <= stats["max_active"]
        places = [entry["position"] for entry in waiting] == list(range(1, len(waiting) + 1))
        if not whole or not places or running + len(waiting) > unanswered:
            self.wrong.append(f"the queue showed {stats} while {unanswered} clients waited")


async def all_at_once(server: DeviceProcess, *, clients: int) -> Result:
    """So many clients ask at the same moment; the server's queue must show them and answer them all."""
    result = Result(f"{clients} clients at once on one model")
    async with client(server.url) as http:
        alone = await answers_alone(http, server.model)
        before = server.resident_bytes()
        asked = [QUESTIONS[number % len(QUESTIONS)] for number in range(clients)]
        asking = [asyncio.create_task(answer(http, request(server.model, question))) for question in asked]
        queue = _QueueFigures()
        while not all(task.done() for task in asking):
            unanswered = sum(not task.done() for task in asking)
            queue.check((await http.get("/model/stats", params={"model": server.model})).json(), unanswered)
            await asyncio.sleep(0.02)
        texts = await asyncio.gather(*asking, return_exceptions=True)
        after = server.resident_bytes()
    wrong = [text for text, question in zip(texts, asked, strict=True) if text != alone[question]]
    result.figures = {
        "answered": clients - len(wrong),
        "seen running at most": queue.running,
        "seen waiting at most": queue.waiting,
        "readings of the queue": queue.readings,
        "server memory MB before/after": f"{before / _MB:.0f}/{after / _MB:.0f}",
    }
    result.expect(not wrong, f"{len(wrong)} answers were lost or wrong, like {wrong[:1]!r}")
    result.problems += queue.wrong[:3]
    result.expect(after - before < 30 * _MB, f"the server grew by {(after - before) / _MB:.0f} MB")
    return result


async def leaving(server: DeviceProcess, *, clients: int) -> Result:
    """So many clients connect, read three pieces of an endless answer and leave."""
    result = Result(f"{clients} clients that read three pieces and leave")
    body = request(server.model, QUESTIONS[0], ignore_eos=True)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def leave() -> None:
        async with gate, aclosing(pieces(http, body)) as stream:
            for _ in range(3):
                await anext(stream)

    async with client(server.url) as http:
        await asyncio.gather(*(leave() for _ in range(_AT_ONCE)))  # what a first crowd allocates is no leak
        await _until_idle(server)
        before = server.resident_bytes()
        await asyncio.gather(*(leave() for _ in range(clients)))
        idle_after = await _until_idle(server)
        gc.collect()
        after = server.resident_bytes()
        tokens = server.health()["generated_tokens"]
        await asyncio.sleep(1)
        idle_tokens = server.health()["generated_tokens"] - tokens
    result.figures = {
        "seconds until idle": f"{idle_after:.1f}",
        "server memory MB before/after": f"{before / _MB:.0f}/{after / _MB:.0f}",
        "tokens generated afterwards": idle_tokens,
    }
    result.expect(idle_tokens == 0, f"{idle_tokens} tokens were generated for clients that had left")
    result.expect(after - before < 30 * _MB, f"the server grew by {(after - before) / _MB:.0f} MB")
    return result


async def _until_idle(server: DeviceProcess) -> float:
    loop = asyncio.get_running_loop()
    started = loop.time()
    while (health := server.health())["active_requests"] or health["queued_requests"]:
        if loop.time() - started > 60:
            raise TimeoutError(f"requests go on although no client waits: {health}")
        await asyncio.sleep(0.05)
    return loop.time() - started

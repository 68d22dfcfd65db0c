"""When a device server counts as silent."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import httpx

from supervision.health import HealthWatch
from supervision.launch import Timing
from tests.supervision.conftest import QUICK

Answer = dict[str, Any] | None
TIMING: Timing = replace(QUICK, silence_while_starting=0.5, poll_timeout=0.05, poll_while_starting=0.01)


async def watch(handler: httpx.MockTransport) -> tuple[list[Answer], bool]:
    """What was answered until the first answer or the end of patience, and whether that was the end."""
    answers: list[Answer] = []
    answered, silent = asyncio.Event(), asyncio.Event()

    def on_answer(answer: Answer) -> None:
        answers.append(answer)
        if answer is not None:
            answered.set()

    async with httpx.AsyncClient(transport=handler) as client:
        watch = HealthWatch(
            client,
            "http://device",
            TIMING,
            question=lambda: "/live",
            answer_type=dict[str, Any],
            on_answer=on_answer,
            on_silence=silent.set,
        )
        running = asyncio.create_task(watch.run())
        waiting = [asyncio.create_task(each.wait()) for each in (answered, silent)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in (running, *waiting):
            task.cancel()
        await asyncio.gather(running, *waiting, return_exceptions=True)
    return answers, silent.is_set()


async def test_a_machine_that_stood_still_is_no_silent_server() -> None:
    asked = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        if asked == 1:
            time.sleep(1)  # nobody runs meanwhile, this side neither
            raise httpx.ConnectTimeout("")
        return httpx.Response(200, json={"health": {}})

    assert await watch(httpx.MockTransport(handler)) == ([None, {"health": {}}], False)


async def test_a_server_that_does_not_answer_is_silent_in_the_end() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("")

    answers, silent = await watch(httpx.MockTransport(handler))
    assert silent
    assert not any(answers)

"""Ever new JSON schemas, as agents send them: the library keeps each that it has compiled; memory must not show it."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil

from tests.reliability.scenarios.clients import QUESTIONS, answer, answers_alone, client, request
from tests.reliability.scenarios.result import Result
from tests.support.launch import DeviceProcess

_MB = 10**6
_LOOK_SECONDS = 0.2
_TOKENS = 32
_MOST_GROWTH = 350 * _MB
"""An instance is replaced at 268 MB of grammars; those of the requests under way then come on top."""


async def many_grammars(server: DeviceProcess, *, schemas: int, clients: int, warm_up: int) -> Result:
    """Half of the clients ask for an object of a new form each time, the others questions whose answers are known.
    Before, `warm_up` requests of a single form let the instance reach what it needs for so many at once."""
    result = Result(f"{schemas} JSON schemas, each another, amid the questions of {clients // 2} clients")
    wrong: list[str] = []
    answered = 0

    async def form(numbers: Iterator[int]) -> None:
        for number in numbers:
            names = [f"{word}_{number}" for word in ("name", "price", "count", "colour", "weight", "place")]
            text = await answer(http, request(server.model, "Describe a lamp.", max_tokens=_TOKENS, **_form(names)))
            if not text.startswith("{") or (text.endswith("}") and list(json.loads(text)) != names):
                wrong.append(text)

    async def question(number: int) -> None:
        nonlocal answered
        for turn in itertools.count(number):
            asked = QUESTIONS[turn % len(QUESTIONS)]
            if (text := await answer(http, request(server.model, asked))) != alone[asked]:
                wrong.append(text)
            answered += 1

    async def forms(numbers: Iterator[int]) -> None:
        await asyncio.gather(*(form(numbers) for _ in range(clients - clients // 2)))

    async with client(server.url) as http:
        alone = await answers_alone(http, server.model)
        asking = [asyncio.create_task(question(number)) for number in range(clients // 2)]
        await forms(itertools.repeat(schemas, warm_up))
        peak = _Peak(server)
        watching = asyncio.create_task(peak.keep())
        await forms(iter(range(schemas)))
        for task in [watching, *asking]:
            task.cancel()
        ended = await asyncio.gather(*asking, return_exceptions=True)
    failed = [each for each in ended if not isinstance(each, asyncio.CancelledError)]
    result.figures = {
        "answers to questions": answered,
        "instances": len(peak.instances),
        "largest instance MB": f"{max(peak.instances.values()) / _MB:.0f}",
        "largest grammar worker MB": f"{max(peak.others.values(), default=0) / _MB:.0f}",
    }
    result.expect(not wrong, f"{len(wrong)} answers were wrong, like {wrong[:1]}")
    result.expect(not failed, f"questions failed: {failed[:1]!r}")
    growth = max(peak.instances.values()) - peak.first
    result.expect(growth < _MOST_GROWTH, f"an instance grew by {growth / _MB:.0f} MB")
    return result


def _form(names: list[str]) -> dict[str, Any]:
    kinds = ("string", "number", "integer", "string", "number", "boolean")
    properties = {name: {"type": kind} for name, kind in zip(names, kinds, strict=True)}
    schema = {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "lamp", "schema": schema}}}


class _Peak:
    """The most unique memory that each process below the server has had: of instances, and of others, by pid."""

    def __init__(self, server: DeviceProcess) -> None:
        self.instances: dict[int, int] = {}
        self.others: dict[int, int] = {}
        self._server = server
        self._look()
        self.first = max(self.instances.values())

    async def keep(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await asyncio.to_thread(self._look)

    def _look(self) -> None:
        instances = set(self._server.workers())
        for process in self._server.family():
            with suppress(psutil.Error):
                found = self.instances if process.pid in instances else self.others
                found[process.pid] = max(found.get(process.pid, 0), process.memory_full_info().uss)

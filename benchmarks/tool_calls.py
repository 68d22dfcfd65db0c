"""Asks the demo model for tool calls, on both kinds of pipeline, and counts those that are valid against their schema.

    python -m benchmarks.tool_calls [--calls 200] [--only continuous_batching]

Each request offers several tools and demands a call (`tool_choice: "required"`). The last lines are the figures; the
exit status is 1 unless all calls are valid. Needs requirements-test.txt.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from tests.support.launch import NPU_ON_CPU, DeviceProcess, demo_model, device_process

_NUMBER_OF_DAYS = {"type": "integer", "minimum": 1, "maximum": 14}
SCHEMAS: dict[str, dict[str, Any]] = {
    "get_weather": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": _NUMBER_OF_DAYS,
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
    "switch_lamp": {
        "type": "object",
        "properties": {
            "room": {"enum": ["kitchen", "office", "bedroom"]},
            "on": {"type": "boolean"},
            "level": {"type": "integer", "minimum": 0, "maximum": 100},
        },
        "required": ["room", "on"],
        "additionalProperties": False,
    },
    "plan_meeting": {
        "type": "object",
        "properties": {
            "title": {"type": "string", "minLength": 1},
            "start": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
            "people": {"type": "array", "items": {"enum": ["Ann", "Bo", "Chen"]}, "minItems": 1, "maxItems": 3},
            "place": {
                "type": "object",
                "properties": {"floor": {"type": "integer"}, "online": {"type": "boolean"}},
                "required": ["online"],
                "additionalProperties": False,
            },
        },
        "required": ["title", "start", "people", "place"],
        "additionalProperties": False,
    },
    "list_models": {"type": "object", "properties": {}, "additionalProperties": False},
}
QUESTIONS = (
    "What is the weather in Taipei?",
    "Will it rain in Kaohsiung this week?",
    "Switch the lamp in the kitchen on.",
    "It is too bright in the office.",
    "Plan a meeting with Ann and Bo at 14:30.",
    "Which models are installed?",
    "台北今天天氣如何？",
    "Hello!",
)
_TOOLS = [{"type": "function", "function": {"name": name, "parameters": schema}} for name, schema in SCHEMAS.items()]


@dataclass
class Tally:
    """What came of the requests to one pipeline kind; `faults` are sentences."""

    pipeline: str
    asked: int = 0
    valid: int = 0
    calls: int = 0
    seconds: float = 0.0
    names: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        used = ", ".join(f"{name} {count}" for name, count in sorted(self.names.items()))
        rate = self.asked / self.seconds if self.seconds else 0.0
        lines = [f"{self.pipeline}: {fault}" for fault in self.faults[:5]]
        lines.append(
            f"{self.pipeline}: {self.valid} of {self.asked} valid against the schema ({self.calls} calls: {used}; "
            f"{self.seconds:.0f} s, {rate:.1f} answers/s)"
        )
        return "\n".join(lines)


def count_calls(server: DeviceProcess, pipeline: str, requests: int) -> Tally:
    """Ask so many times, each with another seed, streamed and whole in turn."""
    tally = Tally(pipeline)
    begun = time.monotonic()
    for number in range(requests):
        tally.asked += 1
        body = {
            "model": server.model,
            "messages": [{"role": "user", "content": QUESTIONS[number % len(QUESTIONS)]}],
            "tools": _TOOLS,
            "tool_choice": "required",
            "temperature": 1.0,
            "seed": number,
        }
        try:
            calls = _streamed_calls(server, body) if number % 2 else _whole_calls(server, body)
            _check(calls)
        except (ValueError, KeyError, jsonschema.ValidationError) as error:
            tally.faults.append(f"request {number}: {str(error).splitlines()[0]}")
            continue
        tally.valid += 1
        tally.calls += len(calls)
        tally.names.update(name for name, _ in calls)
    tally.seconds = time.monotonic() - begun
    return tally


def _check(calls: Sequence[tuple[str, str]]) -> None:
    if not calls:
        raise ValueError("there is no call")
    for name, arguments in calls:
        jsonschema.validate(json.loads(arguments), SCHEMAS[name])


def _whole_calls(server: DeviceProcess, body: dict[str, Any]) -> list[tuple[str, str]]:
    response = server.post("/v1/chat/completions", body)
    if response.is_error:
        raise ValueError(response.text)
    choice = response.json()["choices"][0]
    if choice["finish_reason"] != "tool_calls":
        raise ValueError(f"it ended by {choice['finish_reason']}")
    return [(call["function"]["name"], call["function"]["arguments"]) for call in choice["message"]["tool_calls"]]


def _streamed_calls(server: DeviceProcess, body: dict[str, Any]) -> list[tuple[str, str]]:
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    with server.client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response:
        for line in response.iter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            if "error" in chunk:
                raise ValueError(chunk["error"]["message"])
            for part in chunk["choices"][0]["delta"].get("tool_calls", []):
                names.setdefault(part["index"], part["function"].get("name", ""))
                arguments[part["index"]] = arguments.get(part["index"], "") + part["function"].get("arguments", "")
    return [(name, arguments[index]) for index, name in names.items()]


@contextmanager
def _batching(folder: Path) -> Iterator[DeviceProcess]:
    with device_process(folder, models=[demo_model()]) as server:
        yield server


@contextmanager
def _single(folder: Path) -> Iterator[DeviceProcess]:
    """The NPU's pipeline, on the CPU where there is no NPU."""
    extra = {**NPU_ON_CPU, "MIN_RESPONSE_LEN": 512}
    model = demo_model(max_prompt_len=768, max_concurrent=1, extra_config=extra)
    with device_process(folder, name="npu", models=[model]) as server:
        yield server


SERVERS: dict[str, Callable[[Path], Any]] = {"continuous_batching": _batching, "llm_pipeline": _single}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200, help="requests to each kind of pipeline")
    parser.add_argument("--only", choices=list(SERVERS), action="append", help="one kind of pipeline")
    options = parser.parse_args(arguments)
    tallies: list[Tally] = []
    for name in options.only or SERVERS:
        with tempfile.TemporaryDirectory(prefix="tool calls ") as folder, SERVERS[name](Path(folder)) as server:
            print(f"{name} …", file=sys.stderr, flush=True)
            tallies.append(count_calls(server, name, options.calls))
    for tally in tallies:
        print(tally)
    return 0 if all(tally.valid == tally.asked for tally in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())

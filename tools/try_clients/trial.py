"""What the scripts here share: where the server is, and how to say what came of it. Standard library only, for each
script runs in the environment of its client."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import operator
import os
import time
import traceback
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

SERVER: dict[str, Any] = json.loads(os.environ.get("SERVER", "{}"))
"""`url`, `chat`, `embed`, `agent` (model names), `dimensions`, and the sentences of tests/clients/server.py."""


def run(clients: Sequence[str] | Mapping[str, str], tasks: Sequence[Callable[[], Any]]) -> None:
    """Run the tasks one after the other; print, as the last line, the versions and what came of each. `clients` are
    installed packages of Python, or the names and versions of others."""
    results: dict[str, dict[str, Any]] = {}
    for task in tasks:
        name = task.__name__.replace("_", " ")
        began, asked = time.monotonic(), requests_and_tokens()
        try:
            if inspect.iscoroutinefunction(task):
                import asyncio

                asyncio.run(task())
            else:
                task()
            results[name] = {"error": None}
        except Exception:
            results[name] = {"error": traceback.format_exc()}
        results[name]["seconds"] = round(time.monotonic() - began, 1)
        results[name]["requests"], results[name]["tokens"] = map(operator.sub, requests_and_tokens(), asked)
    versions = clients if isinstance(clients, Mapping) else {name: importlib.metadata.version(name) for name in clients}
    print(json.dumps({"versions": versions, "results": results}))


def requests_and_tokens() -> tuple[int, int]:
    """How many requests its chat models have had, and how many tokens their prompts had in sum."""
    requests = tokens = 0
    for model in (SERVER["chat"], SERVER["agent"], SERVER["long"]):
        with urllib.request.urlopen(f"{SERVER['url']}/model/stats?model={model}") as answer:
            stats = json.load(answer)
        requests, tokens = requests + stats["requests"], tokens + stats["prompt_tokens"]
    return requests, tokens


def contains(text: Any, part: str) -> None:
    if part not in str(text):
        raise AssertionError(f"{part!r} is not in {text!r}")


def equal(found: Any, expected: Any) -> None:
    if found != expected:
        raise AssertionError(f"{found!r} is not {expected!r}")

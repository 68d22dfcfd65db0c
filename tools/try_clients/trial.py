"""What the scripts here share: where the server is, and how to say what came of it. Standard library only, for each
script runs in the environment of its client."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import os
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

SERVER: dict[str, Any] = json.loads(os.environ.get("SERVER", "{}"))
"""`url`, `chat`, `embed`, `agent` (model names), `dimensions`, and the sentences of tests/clients/house.py."""


def run(packages: Sequence[str], tasks: Sequence[Callable[[], Any]]) -> None:
    """Run the tasks one after the other; print, as the last line, the versions and what came of each."""
    results: dict[str, dict[str, Any]] = {}
    for task in tasks:
        name = task.__name__.replace("_", " ")
        began = time.monotonic()
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
    versions = {package: importlib.metadata.version(package) for package in packages}
    print(json.dumps({"versions": versions, "results": results}))


def contains(text: Any, part: str) -> None:
    if part not in str(text):
        raise AssertionError(f"{part!r} is not in {text!r}")


def equal(found: Any, expected: Any) -> None:
    if found != expected:
        raise AssertionError(f"{found!r} is not {expected!r}")

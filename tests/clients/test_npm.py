"""The official JavaScript clients, unchanged: the scripts in js/, each run once by Node.js."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.clients import house as said
from tests.clients.house import House

SCRIPTS = Path(__file__).with_name("js")
TASKS = ("chat", "stream", "tool_round_trip", "parallel_calls", "structured_output", "embeddings", "errors")
CLIENTS = {
    "openai": (*TASKS, "models"),
    "ollama": (*TASKS, "models", "pull_and_delete"),
    "ai": TASKS,
}
SECONDS = 120

Results = dict[str, "str | None"]


@pytest.fixture(scope="session")
def results(house: House) -> Callable[[str], Results]:
    """What came of each task of a client: None, or the error."""

    @cache
    def run(client: str) -> Results:
        node = shutil.which("node")
        if node is None or not (SCRIPTS / "node_modules").is_dir():
            pytest.fail("The JavaScript clients are not installed: run `python3 bootstrap.py test` without arguments.")
        environment = {**os.environ, "HOUSE": json.dumps(_house(house, client)), "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(
            [node, f"{client}.mjs"],
            cwd=SCRIPTS,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS,
        )
        if done.returncode != 0:
            pytest.fail(f"{client}.mjs ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    return run


def _house(house: House, client: str) -> dict[str, object]:
    return {
        "url": house.url,
        "chat": said.CHAT,
        "embed": said.EMBED,
        "dimensions": said.DIMENSIONS,
        "question": said.QUESTION,
        "weather_question": said.WEATHER_QUESTION,
        "calling_question": said.CALLING_QUESTION,
        "two_cities_question": said.TWO_CITIES_QUESTION,
        "weather_result": said.WEATHER_RESULT,
        "reported": said.REPORTED,
        "published": house.publish(f"OpenVINO/{client}-javascript-ov"),
    }


@pytest.mark.parametrize(("client", "task"), [(client, task) for client, tasks in CLIENTS.items() for task in tasks])
def test_a_task_succeeds(results: Callable[[str], Results], client: str, task: str) -> None:
    assert results(client)[task] is None


@pytest.mark.parametrize("client", CLIENTS)
def test_no_task_is_left_out(results: Callable[[str], Results], client: str) -> None:
    assert set(results(client)) == set(CLIENTS[client])


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((SCRIPTS / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]

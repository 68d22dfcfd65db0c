"""The official JavaScript clients, unchanged: the scripts in js/, each run once by Node.js."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients import server as said
from tests.clients.server import RunningServer

SCRIPTS = Path(__file__).with_name("js")
TASKS = {"chat", "stream", "tool_round_trip", "parallel_calls", "structured_output", "embeddings", "errors"}
CLIENTS = {
    "openai": TASKS | {"models", "transcription", "speech", "images"},
    "ollama": TASKS | {"models", "pull_and_delete"},
    "ai": TASKS,
}
SECONDS = 300


@pytest.mark.parametrize("client", CLIENTS)
def test_every_task_succeeds(server: RunningServer, client: str) -> None:
    node = shutil.which("node")
    if node is None or not (SCRIPTS / "node_modules").is_dir():
        pytest.fail("The JavaScript clients are not installed: run `python3 bootstrap.py test` without arguments.")
    done = subprocess.run(
        [node, f"{client}.mjs"],
        cwd=SCRIPTS,
        env={**os.environ, "FACTS": json.dumps(_facts(server, client)), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    results: dict[str, str | None] = json.loads(done.stdout)
    assert results.keys() == CLIENTS[client]
    assert not {task: error for task, error in results.items() if error is not None}


def _facts(server: RunningServer, client: str) -> dict[str, object]:
    """What the scripts call `facts`."""
    return {
        "url": server.url,
        "chat": said.CHAT,
        "embed": said.EMBED,
        "dimensions": said.DIMENSIONS,
        "hears": said.HEARS,
        "speaks": said.SPEAKS,
        "draws": said.DRAWS,
        "question": said.QUESTION,
        "weather_question": said.WEATHER_QUESTION,
        "calling_question": said.CALLING_QUESTION,
        "two_cities_question": said.TWO_CITIES_QUESTION,
        "weather_result": said.WEATHER_RESULT,
        "reported": said.REPORTED,
        "published": server.publish(f"OpenVINO/{client}-javascript-ov"),
    }


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((SCRIPTS / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]

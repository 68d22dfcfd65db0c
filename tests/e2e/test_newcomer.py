"""What the READMEs tell a newcomer: pull a model by its id, put it on a device, chat with it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.docs.pages import READMES, code_blocks
from tests.helpers import http, wait_until
from tests.hub import TestHub
from tests.support.launch import DEMO_MODEL, PATIENCE_SECONDS, PROJECT
from tests.support.launch_suite import SuiteProcess

STEPS = next(block for block in code_blocks(READMES[0], "bash") if "bootstrap.py pull" in block)
MODEL = re.search(r"pull (\S+)", STEPS)[1]  # pyright: ignore[reportOptionalSubscript]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestHub]:
    """A hub that the suite and the commands ask; it holds the demo model under the id of the README."""
    with TestHub() as hub:
        hub.add_model(MODEL, DEMO_MODEL)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield hub


@pytest.fixture
def newcomer(hub: TestHub, suite: SuiteProcess) -> SuiteProcess:
    return suite


def chat(suite: SuiteProcess, body: dict[str, Any]) -> str:
    response = http.post(
        f"{suite.device_url('gpu')}/v1/chat/completions",
        json={**body, "stream": False, "temperature": 0},
        timeout=PATIENCE_SECONDS,
    )
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"]


def test_by_the_commands_of_the_readme(newcomer: SuiteProcess, tmp_path: Path) -> None:
    *typed, curl = STEPS.replace("\\\n", " ").strip().split("\n", 2)
    assert len(typed) == 2
    for line in typed:
        program, script, *arguments = shlex.split(line)
        assert (program, script) == ("python3", "bootstrap.py")
        command = [sys.executable, "main.py", *arguments, "--data-dir", str(tmp_path / "資料 夾")]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, encoding="utf-8", timeout=120, check=False)
        assert done.returncode == 0, done.stderr
    wait_until(lambda: newcomer.device("gpu")["state"] == "running")
    words = shlex.split(curl)
    body = json.loads(words[words.index("-d") + 1])
    assert body["model"] == f"gpu-{MODEL}"
    assert "OpenVINO" in chat(newcomer, body)


def test_by_the_api_of_the_page(newcomer: SuiteProcess) -> None:
    def ask(method: str, path: str, **options: Any) -> Any:
        response = httpx.request(method, newcomer.url + path, timeout=PATIENCE_SECONDS, trust_env=False, **options)
        return response.raise_for_status().json()

    found = ask("GET", "/api/search_models", params={"query": MODEL.rpartition("/")[2]})["models"]
    assert MODEL in [entry["id"] for entry in found]
    job = ask("POST", "/api/pull_model", json={"model_id": MODEL})["job"]

    def pulled() -> bool:
        state = next(each["state"] for each in ask("GET", "/api/pull_jobs")["jobs"] if each["id"] == job["id"])
        assert state not in ("failed", "cancelled", "paused")
        return state == "ready"

    wait_until(pulled)
    assert MODEL in [model["id"] for model in ask("GET", "/api/local_models")["models"]]
    newcomer.assign("gpu", [MODEL])
    wait_until(lambda: newcomer.device("gpu")["state"] == "running")
    question = {"role": "user", "content": "What is OpenVINO?"}
    assert "OpenVINO" in chat(newcomer, {"model": f"gpu-{MODEL}", "messages": [question]})

"""The suite as a user has it: installed by bootstrap.py, started, asked, attacked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.hub import TestHub
from tests.model_files.tiny_models import make_llm
from tools.windows.machine import BASE_PYTHON, VENV_PYTHON, Machine

ADMIN, GPU, NPU = (f"http://127.0.0.1:{port}" for port in (11437, 11435, 11436))
MODEL = "OpenVINO/Tiny-int4-ov"
_PATIENCE = 180.0
_LEAST_WORKER_BYTES = 100 * 2**20
_LONG_ANSWER = 1500


class Failed(Exception):
    """What did not hold."""


def check_suite(machine: Machine) -> int:
    """Print a line for each thing that was looked at. The number of those that did not hold."""
    failures = 0
    for file in ("device_config.json", "memory_costs.json", "keys.json"):
        (machine.project / file).unlink(missing_ok=True)
    with published_model() as hub, running(machine, hub) as started:
        for look in (_chats, _memory, _resumes, _commands, _pulls, _restarts, _files, _ends):
            try:
                print(f"ok      {look.__name__[1:]}: {look(machine, started)}", flush=True)
            except (Failed, httpx.HTTPError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
                failures += 1
                print(f"FAILED  {look.__name__[1:]}: {error!r}", flush=True)
    return failures


@contextmanager
def published_model() -> Iterator[TestHub]:
    """A hub on this machine with one small model."""
    with tempfile.TemporaryDirectory() as folder, TestHub() as hub:
        hub.add_model(MODEL, make_llm(Path(folder), rt_info={"mode": "int4_sym", "group_size": "128"}))
        yield hub


@contextmanager
def running(machine: Machine, hub: TestHub) -> Iterator[dict[str, str]]:
    """The suite, started by bootstrap.py and ended by the ids of its processes. Gives the commands' environment."""
    environment = {"HF_ENDPOINT": hub.url}
    log = machine.root / "opt" / "suite.log"
    process = machine.start(BASE_PYTHON, "bootstrap.py", environment=environment, log=log)
    try:
        _wait(lambda: _answers(f"{GPU}/health") and _answers(f"{NPU}/health"))
        yield environment
    finally:
        for each in windows_processes():
            each.kill()
        process.wait(60)


def windows_processes(*words: str) -> list[psutil.Process]:
    """The Windows programs of ours whose command line holds all of `words`."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if line.startswith("Z:\\opt\\") and all(word in line for word in words):
            found.append(process)
    return found


def _chats(_: Machine, __: object) -> str:
    """README's two calls."""
    messages = [{"role": "user", "content": "What is OpenVINO?"}]
    openai = _post(f"{GPU}/v1/chat/completions", model="gpu-demo/server-guide", messages=messages)
    ollama = _post(f"{NPU}/api/chat", model="npu-demo/server-guide", messages=messages, stream=False)
    answers = openai["choices"][0]["message"]["content"], ollama["message"]["content"]
    _expect(all("OpenVINO" in answer for answer in answers), f"unexpected answers: {answers}")
    return answers[0]


def _memory(_: Machine, __: object) -> str:
    """The worker's own memory, not its launcher's, and each model once."""
    figures = _get(f"{GPU}/memory")
    (instance,) = figures["models"][0]["instances"]
    size = instance["memory_bytes"]
    _expect(size > _LEAST_WORKER_BYTES, f"{size} bytes are no worker's")
    _expect(figures["used_bytes"] == size, f"used are {figures['used_bytes']} bytes, the worker has {size}")
    return f"{size / 2**20:.0f} MiB"


def _resumes(machine: Machine, _: object) -> str:
    """A worker is killed in mid-answer; the answer goes on as if nothing had been."""
    body = {
        "model": "gpu-demo/server-guide", "prompt": "OpenVINO", "stream": True, "temperature": 0,
        "max_tokens": _LONG_ANSWER, "ignore_eos": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    before = {process.pid for process in windows_processes("instances.worker")}
    used, killed = 0, False
    with httpx.stream("POST", f"{GPU}/v1/completions", json=body, timeout=_PATIENCE, trust_env=False) as response:
        for number, line in enumerate(response.iter_lines()):
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            _expect("error" not in chunk, str(chunk))
            used = (chunk.get("usage") or {}).get("completion_tokens", used)
            if number > 50 and not killed:
                killed = True
                for process in windows_processes("instances.worker"):
                    os.kill(process.pid, signal.SIGKILL)
    _expect(killed, "the answer was over before its worker could be killed")
    _expect(used == _LONG_ANSWER, f"{used} tokens came of {_LONG_ANSWER}")
    after = {process.pid for process in windows_processes("instances.worker")}
    _expect(bool(after - before), "no other worker was started")
    return f"{used} tokens"


def _commands(machine: Machine, environment: dict[str, str]) -> str:
    for words in (["ps"], ["list"], ["keys", "list"], ["doctor"], ["--help"]):
        said = machine.run(VENV_PYTHON, "main.py", *words, environment=environment)
        _expect(bool(said.strip()) and "Traceback" not in said, f"{words[0]}: {said[-500:]}")
    return "ps, list, keys, doctor, --help"


def _pulls(machine: Machine, environment: dict[str, str]) -> str:
    said = machine.run(VENV_PYTHON, "main.py", "pull", MODEL, environment=environment)
    listed = machine.run(VENV_PYTHON, "main.py", "list", "--json", environment=environment)
    _expect(MODEL in listed and "Traceback" not in said, f"{said[-500:]} {listed[-500:]}")
    return MODEL


def _restarts(_: Machine, __: object) -> str:
    """Apply and restart; the device answers again."""
    before = _gpu_pid()
    models = _get(f"{ADMIN}/api/config")["gpu"]["models"]
    _post(f"{ADMIN}/api/update_config", device="gpu", enabled=True, models=models)
    _wait(lambda: _answers(f"{GPU}/health") and _gpu_pid() != before)
    _chats(_, __)
    return "answers after it"


def _gpu_pid() -> int | None:
    devices = _get(f"{ADMIN}/api/status")["devices"]
    return next(device["pid"] for device in devices if device["name"] == "gpu")


def _files(machine: Machine, _: object) -> str:
    """A key's file is its owner's alone, as Windows sees it."""
    look = "from storage.owner_only import others_can_read; from pathlib import Path; "
    said = machine.run(VENV_PYTHON, "-c", look + "print('readable:', others_can_read(Path('.running.json')))")
    _expect("readable: False" in said, said)
    return "rights are the owner's"


def _ends(_: Machine, __: object) -> str:
    """The admin server is killed; nothing is left within five seconds."""
    for process in windows_processes("python\\cp311\\python.exe", "main.py"):
        os.kill(process.pid, signal.SIGKILL)
    begun = time.monotonic()
    while windows_processes("server_app") or windows_processes("instances."):
        _expect(time.monotonic() - begun < 5, f"left: {[each.cmdline() for each in windows_processes()]}")
        time.sleep(0.1)
    return f"after {time.monotonic() - begun:.1f} s"


def _expect(condition: bool, sentence: str) -> None:
    if not condition:
        raise Failed(sentence)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5 * _PATIENCE
    while not condition():
        _expect(time.monotonic() < deadline, "the suite does not answer")
        time.sleep(1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _get(url: str) -> Any:
    response = httpx.get(url, timeout=_PATIENCE, trust_env=False)
    response.raise_for_status()
    return response.json()


def _post(url: str, **body: Any) -> Any:
    response = httpx.post(url, json=body, timeout=_PATIENCE, trust_env=False)
    response.raise_for_status()
    return response.json()

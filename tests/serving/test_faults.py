"""What happens to requests when processes die and clients leave."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.helpers import gone, wait_until
from tests.support.launch import DEMO_ID, DeviceProcess, demo_model, device_process

QUESTION = "什麼是 OpenVINO？"


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory):
    with device_process(tmp_path_factory.mktemp("fragile"), models=[demo_model()]) as server:
        yield server


def _kill(pid: int) -> None:
    psutil.Process(pid).kill()
    wait_until(lambda: gone(pid))


def test_an_answer_survives_its_worker_and_the_next_request_works(fragile: DeviceProcess) -> None:
    whole = fragile.chat(QUESTION)
    body = {
        "model": fragile.model,
        "messages": [{"role": "user", "content": QUESTION}],
        "temperature": 0,
        "stream": True,
    }
    text = ""
    with fragile.client.stream("POST", "/v1/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                (choice,) = json.loads(line.removeprefix("data: "))["choices"]
                if not text and choice["delta"].get("content"):
                    for pid in fragile.workers():
                        _kill(pid)
                text += choice["delta"].get("content") or ""
    assert text == whole
    assert fragile.chat(QUESTION) == whole


def test_a_client_that_leaves_stops_its_generation(fragile: DeviceProcess) -> None:
    messages = [{"role": "user", "content": QUESTION}]
    body = {"model": fragile.model, "messages": messages, "stream": True, "ignore_eos": True}
    with fragile.client.stream("POST", "/v1/chat/completions", json=body) as response:
        lines = response.iter_lines()
        next(lines)
        wait_until(lambda: fragile.health()["active_requests"] == 1)
    wait_until(lambda: fragile.health()["active_requests"] == 0)
    assert fragile.get(f"/model/stats?model={DEMO_ID}")["cancelled"] >= 1
    tokens = fragile.health()["generated_tokens"]
    fragile.chat(QUESTION, max_tokens=2)
    assert fragile.health()["generated_tokens"] == tokens + 2


def test_a_client_that_leaves_before_the_first_token_is_noticed(fragile: DeviceProcess) -> None:
    fragile.client.post("/model/cleanup")
    wait_until(lambda: not fragile.workers())
    body = {"model": fragile.model, "messages": [{"role": "user", "content": QUESTION}]}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{fragile.url}/v1/chat/completions", json=body, timeout=0.05)
    wait_until(lambda: fragile.health()["active_requests"] == 0 and fragile.health()["queued_requests"] == 0)
    assert "OpenVINO" in fragile.chat(QUESTION)


def test_no_worker_outlives_a_killed_server(tmp_path: Path) -> None:
    with device_process(tmp_path, models=[demo_model()]) as server:
        server.chat(QUESTION, max_tokens=1)
        family = server.family()
        assert family
        server.process.kill()
        server.process.wait()
        for process in family:
            wait_until(lambda process=process: gone(process.pid))


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGSTOP on Windows")
def test_end_of_input_ends_server_and_workers_even_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    with device_process(tmp_path, models=[demo_model()]) as server:
        server.chat(QUESTION, max_tokens=1)
        workers = [process.pid for process in server.family()]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert server.process.wait(30) == 0
        for pid in workers:
            wait_until(lambda pid=pid: gone(pid))


def test_a_model_that_cannot_be_loaded_fails_alone_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "openvino_model.xml").write_text("<net", encoding="utf-8")
    with device_process(tmp_path, models=[{"id": "test/broken", "path": str(tmp_path / "broken")}]) as server:
        answer = server.post(
            "/v1/chat/completions", {"model": "test/broken", "messages": [{"role": "user", "content": "x"}]}
        )
        assert answer.status_code in (400, 500)
        assert "test/broken" in answer.json()["error"]["message"]
        assert server.health()["status"] == "ok"


def test_a_broken_configuration_ends_the_server_with_3_and_a_sentence(tmp_path: Path) -> None:
    config = tmp_path / "device_config.json"
    config.write_text('{"gpu": {"port": "x"}}', encoding="utf-8")
    command = [sys.executable, "-m", "server_app", "--device", "gpu", "--config", str(config)]
    ended = subprocess.run(
        [*command, "--data-dir", str(tmp_path)], stdin=subprocess.PIPE, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3
    assert "gpu.port" in ended.stderr

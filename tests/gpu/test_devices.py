"""Two GPUs, the doctor's look at them, and measuring pipelines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from doctor.probe import MARK
from tests.gpu.conftest import FIRST_LOAD_SECONDS, gpu_server, preload
from tests.gpu_stand_in.environment import child_variables, stand_in_environment
from tests.support.launch import DEMO_ID, PROJECT, demo_model

TWO = {"devices": 2}


@pytest.mark.parametrize("device", ["GPU.0", "GPU.1"])
def test_each_of_two_gpus_serves(tmp_path: Path, device: str) -> None:
    with gpu_server(tmp_path, [demo_model()], device=device, options=TWO) as server:
        preload(server, DEMO_ID)
        assert server.health()["used_device"] == device
        assert "11436" in server.chat("What is the NPU port?")


def test_gpu_is_the_first_of_two(tmp_path: Path) -> None:
    with gpu_server(tmp_path, [], options=TWO) as server:
        assert server.health()["used_device"] == "GPU.0"


def test_the_doctor_is_told_every_gpus_driver() -> None:
    variables = child_variables(stand_in_environment(TWO))
    command = [sys.executable, "-m", "doctor.probe", "devices"]
    done = subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, encoding="utf-8", check=True)
    devices = json.loads(done.stdout.rpartition(MARK)[2])["devices"]
    drivers = {each["name"]: each["properties"].get("DRIVER_VERSION") for each in devices}
    assert set(drivers) == {"CPU", "GPU.0", "GPU.1"}
    assert drivers["GPU.0"]
    assert drivers["GPU.0"] == drivers["GPU.1"]


def test_the_doctor_generates_on_it() -> None:
    command = [sys.executable, "-m", "doctor.probe", "generate", "GPU", str(demo_model()["path"])]
    variables = child_variables(stand_in_environment())
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=variables,
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=FIRST_LOAD_SECONDS,
    )
    assert json.loads(done.stdout.rpartition(MARK)[2])["token_seconds"] >= 0


def test_tuning_measures_and_the_server_follows_it(tmp_path: Path) -> None:
    config = {"gpu": {"port": 1, "device": "GPU", "fallback_device": None, "models": [demo_model()]}}
    (tmp_path / "device_config.json").write_text(json.dumps(config), encoding="utf-8")
    script = (
        "import asyncio, sys; from pathlib import Path; from tuning.tune import tune; "
        "print(asyncio.run(tune('gpu', sys.argv[2], Path(sys.argv[1]))).best.pipeline)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), DEMO_ID],
        cwd=PROJECT,
        env=child_variables(stand_in_environment()),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=FIRST_LOAD_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    best = done.stdout.split()[-1]
    with gpu_server(tmp_path, [demo_model()]) as server:
        (model,) = server.health()["models"]
        assert model["pipeline"] == best

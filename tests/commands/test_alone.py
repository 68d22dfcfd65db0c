"""Commands where no admin server runs: they do the work themselves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from configuration.device_config import ConfigStore
from configuration.gateway_config import GATEWAY_FILE, GatewayAlias, GatewaySettings, GatewayStore
from supervision.run_file import lock_data_directory
from tests.admin.site import PROJECT
from tests.commands.conftest import MODEL, Command
from tests.hub import TestHub
from tests.model_files.gguf_layouts import inexact_gguf
from tests.model_files.layouts import make

DEMO = "demo/server-guide"


def test_a_model_from_the_hub_to_a_device_and_away_again(command: Command, hub: TestHub, data_dir: Path) -> None:
    found = command("search", "tiny")
    assert MODEL in found.out
    pulled = command("pull", MODEL)
    assert (pulled.code, pulled.err) == (0, "")
    assert "is ready" in pulled.out
    assert MODEL in command("list").out
    assert "apache-2.0" in command("show", MODEL).out
    assert "intact" in command("verify", MODEL).out
    assigned = command("assign", MODEL, "gpu", "--preload", "1")
    assert (assigned.code, assigned.err) == (0, "")
    assert "11435" in assigned.out
    assert "next start" in assigned.out
    devices = ConfigStore(data_dir / "device_config.json").load().devices
    assert [(model.id, model.preload_count) for model in devices["gpu"].models] == [(DEMO, 0), (MODEL, 1)]
    assert devices["gpu"].models[1].path == "models/OpenVINO_Tiny-int4-ov"
    assert f"gpu-{MODEL}" in command("status").out
    refused = command("rm", MODEL)
    assert refused.code == 4
    assert "gpu" in refused.err
    assert command("rm", MODEL, "--force").code == 0
    assert MODEL not in command("list").out
    assert not (data_dir / "models" / "OpenVINO_Tiny-int4-ov").exists()
    assert "The suite is not running" in command("ps").out


def test_every_command_answers_in_json(command: Command, hub: TestHub, model: Path) -> None:
    assert command("search", "tiny", "--json").json["models"][0]["id"] == MODEL
    job = command("pull", MODEL, "--json").json
    assert (job["model_id"], job["state"], job["bytes_done"]) == (MODEL, "ready", job["bytes_total"])
    assert {model["id"] for model in command("list", "--json").json["models"]} == {DEMO, MODEL}
    assert command("show", MODEL, "--json").json["quantization"] == "INT4_SYM g128"
    assert command("verify", MODEL, "--json").json["intact"] is True
    assigned = command("assign", MODEL, "npu", "--json").json
    assert assigned["device"]["name"] == "npu"
    assert command("unassign", MODEL, "npu", "--json").json["device"]["port"] == 11436
    assert command("status", "--json").json["running"] is False
    assert command("ps", "--json").json == {"running": False, "models": []}
    assert command("rm", MODEL, "--json").json == {"deleted": MODEL}
    imported = command("import", str(model), "--id", "me/mine", "--reference", "--json").json
    assert (imported["id"], imported["path"]) == ("me/mine", str(model))
    failed = command("rm", "no/such", "--json")
    assert failed.json == {
        "error": {"message": 'There is no model "no/such" on this machine: pull it first.', "type": "ModelNotFound"}
    }


def test_exit_codes(command: Command, hub: TestHub, model: Path, data_dir: Path) -> None:
    hub.add_model("org/gated", model, gated=True)
    assert command("pull", "not a name").code == 2
    assert command("pull", MODEL, "--detach").code == 2
    assert command("pull", "no/such").code == 3
    assert command("pull", MODEL, "--revision", "no-such-branch").code == 3
    assert command("show", "no/such").code == 3
    assert command("assign", DEMO, "tpu").code == 3
    assert command("unassign", DEMO, "tpu").code == 3
    assert command("assign", "no/such", "gpu").code == 3
    assert command("rm", DEMO).code == 4
    assert command("pull", "org/gated").code == 6
    hub.__exit__(None, None, None)
    assert command("search", "x").code == 5
    (data_dir / "device_config.json").write_text("{", encoding="utf-8")
    broken = command("assign", DEMO, "gpu")
    assert broken.code == 4
    assert "device_config.json" in broken.err


def test_what_cannot_be_deleted_stays_on_its_devices(command: Command, data_dir: Path) -> None:
    assert command("assign", DEMO, "gpu").code == 0
    before = (data_dir / "device_config.json").read_bytes()
    refused = command("rm", DEMO, "--force")
    assert refused.code == 4
    assert "comes with this program" in refused.err
    assert (data_dir / "device_config.json").read_bytes() == before


def test_more_than_a_device_may_take_is_not_assigned(command: Command, hub: TestHub, data_dir: Path) -> None:
    command("pull", MODEL)
    command("assign", DEMO, "gpu")
    store = ConfigStore(data_dir / "device_config.json")
    store.change_device("gpu", lambda settings: settings.model_copy(update={"memory_limit_gb": 0.1}))
    refused = command("assign", MODEL, "gpu")
    assert refused.code == 4
    assert "0.1 GB" in refused.err
    assert [model.id for model in store.load().devices["gpu"].models] == [DEMO]


def test_an_alias_of_the_gateway_is_asked_about(command: Command, hub: TestHub, data_dir: Path) -> None:
    command("pull", MODEL)
    command("assign", MODEL, "gpu")
    gateway = GatewayStore(data_dir / GATEWAY_FILE)
    gateway.change(lambda _: GatewaySettings(aliases={"chat": GatewayAlias(model=f"gpu-{MODEL}")}))
    refused = command("unassign", MODEL, "gpu")
    assert refused.code == 4
    assert "chat" in refused.err
    assert command("rm", MODEL, "--force").code == 0
    assert gateway.load().aliases == {}


def test_damage_is_found_and_mended(command: Command, hub: TestHub, data_dir: Path) -> None:
    command("pull", MODEL)
    weights = data_dir / "models" / "OpenVINO_Tiny-int4-ov" / "openvino_model.bin"
    content = weights.read_bytes()
    weights.write_bytes(b"\xff" + content[1:])
    damaged = command("verify", MODEL)
    assert damaged.code == 1
    assert "openvino_model.bin" in damaged.out
    assert command("pull", MODEL).code == 0
    assert weights.read_bytes() == content
    assert command("verify", MODEL).code == 0


def test_a_folder_is_copied_in(command: Command, model: Path, data_dir: Path) -> None:
    folder = data_dir.parent / "me_mine"
    shutil.copytree(model, folder)
    assert command("import", str(folder)).code == 0
    shutil.rmtree(folder)
    assert "me/mine" in command("list").out
    assert command("import", str(folder)).code == 1


def test_one_at_a_time_changes_a_folder(command: Command, hub: TestHub, data_dir: Path) -> None:
    with lock_data_directory(data_dir):
        refused = command("pull", MODEL)
        assert refused.code == 4
        assert str(data_dir) in refused.err
        assert command("list").code == 0
    assert command("pull", MODEL).code == 0


@pytest.fixture
def heard_ctrl_c() -> Iterator[None]:
    """A shell's background job ignores Ctrl-C, as would the processes that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
@pytest.mark.usefixtures("heard_ctrl_c")
def test_ctrl_c_keeps_what_there_is(command: Command, hub: TestHub, data_dir: Path) -> None:
    reached, release = hub.faults.hold("openvino_model.bin", at=16 * 1024)
    process = subprocess.Popen(
        [sys.executable, "main.py", "pull", MODEL, "--data-dir", str(data_dir)],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert reached.wait(30)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    (job,) = json.loads((data_dir / "models" / ".partial" / "jobs.json").read_text(encoding="utf-8"))
    assert job["state"] == "paused"
    release.set()
    assert command("pull", MODEL).code == 0
    assert command("verify", MODEL).code == 0


def test_a_download_that_was_cut_off_by_death_goes_on(command: Command, hub: TestHub, data_dir: Path) -> None:
    jobs = data_dir / "models" / ".partial" / "jobs.json"
    jobs.parent.mkdir(parents=True)
    job = {"id": "abc", "model_id": MODEL, "revision": None, "state": "downloading", "created_at": 1.0}
    jobs.write_text(json.dumps([job]), encoding="utf-8")
    pulled = command("pull", MODEL, "--json").json
    assert (pulled["id"], pulled["state"]) == ("abc", "ready")


def test_the_doctor_alone(command: Command, data_dir: Path) -> None:
    english = command("doctor", "--lang", "en")
    assert "OpenVINO works" in english.out
    assert "CPU generates" in english.out
    report = command("doctor", "--lang", "zh-TW", "--json").json
    assert "記憶體" in {finding["title"] for finding in report["findings"]}
    (data_dir / "device_config.json").write_text("{", encoding="utf-8")
    broken = command("doctor", "--lang", "en")
    assert broken.code == 1
    assert broken.out.startswith("✗ ")


def test_a_quantisation_that_is_read_inexactly_is_said_at_once_and_in_every_list(
    command: Command, tmp_path: Path
) -> None:
    folder = make(inexact_gguf, tmp_path / "inexact")
    imported = command("import", str(folder / "model-q4_1.gguf"))
    assert imported.code == 0
    assert "Q4_1 inexactly" in imported.out
    assert "read inexactly" in command("list").out
    assert "Q4_1 inexactly" in command("show", "local/model-q4_1").out

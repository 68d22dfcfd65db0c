"""Completion in shells."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clients.agents import AGENTS
from commands.completing import candidates, script
from commands.options import COMMANDS
from configuration.device_config import ConfigStore, Configuration, DeviceSettings
from tests.admin.site import assigned
from tests.support.launch import PROJECT


@pytest.fixture
def folder(tmp_path: Path) -> str:
    devices = {"gpu": DeviceSettings(port=1, device="GPU", models=assigned(["org/one"]))}
    ConfigStore(tmp_path / "device_config.json").save(Configuration(devices=devices))
    (tmp_path / "models" / "org_two_b").mkdir(parents=True)
    return str(tmp_path)


def test_commands_and_options() -> None:
    assert candidates(["re"]) == ["restart"]
    assert set(COMMANDS) < set(candidates([""]))
    assert candidates([]) == candidates([""])
    assert candidates(["pull", "--rev"]) == ["--revision"]
    assert candidates(["nonsense", ""]) == []


def test_what_stands_for_a_word(folder: str) -> None:
    here = ["--data-dir", folder]
    assert candidates(["launch", "co"]) == [name for name in AGENTS if name.startswith("co")]
    assert candidates(["launch", *here, "codex", "--model", ""]) == ["gpu-org/one"]
    assert candidates(["launch", "codex", "--", ""]) == [], "it is the client's"
    assert candidates(["run", *here, "g"]) == ["gpu-org/one"]
    assert candidates(["show", *here, ""]) == ["org/two_b"]
    assert candidates(["assign", *here, "org/two_b", ""]) == ["gpu"]
    assert candidates(["logs", *here, ""]) == ["admin", "gpu", "gateway"]
    assert candidates(["run", "--think", "o"]) == ["on", "off"]
    assert candidates(["run", "--data-dir", "/no/such", ""]) == []


def test_the_hidden_command_answers_without_the_packages() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "main.py", "__complete", "sta"],
        cwd=PROJECT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.stdout == "status\n"
    assert "openvino" not in done.stderr.replace("openvino-", "")
    assert "fastapi" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_script_names_the_command(shell: str) -> None:
    text = script(shell, "my-server")
    assert "my-server" in text
    assert str(PROJECT / "main.py") in text


ASKED = {
    "bash": (
        "COMP_WORDS=(my-server launch co); COMP_CWORD=2; _my_server_complete; "
        "printf '%s\\n' \"${COMPREPLY[@]}\"; my-server --version"
    ),
    "fish": "complete -C 'my-server launch co'; my-server --version",
}


@pytest.mark.parametrize("shell", [shell for shell in ASKED if shutil.which(shell)])
def test_a_shell_completes(shell: str) -> None:
    command = f"{script(shell, 'my-server')}\n{ASKED[shell]}"
    done = subprocess.run([str(shutil.which(shell)), "-c", command], capture_output=True, encoding="utf-8")
    assert done.stderr == ""
    assert sorted(done.stdout.split()[:-1]) == sorted(name for name in AGENTS if name.startswith("co"))

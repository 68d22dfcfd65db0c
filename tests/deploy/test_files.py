"""The files in deploy/ fit the program and each other."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from commands.options import parse_arguments
from tests.docs.pages import PROJECT

DEPLOY = PROJECT / "deploy"
UNIT = DEPLOY / "openvino-multi-model-server.service"


def options_of(command: str) -> None:
    """Raises SystemExit where main.py does not know them."""
    parse_arguments(command.split("main.py ", 1)[1].split())


def test_the_unit_starts_the_suite() -> None:
    command = re.search(r"^ExecStart=(.*)$", UNIT.read_text(encoding="utf-8"), re.M)
    assert command is not None
    options_of(command[1])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd's checker is not on this machine")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/opt/openvino-multi-model-server", str(tmp_path))
    unit.write_text(text, encoding="utf-8")
    result = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, encoding="utf-8", check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_container_starts_the_suite() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    command = re.search(r"^CMD \[(.*)\]$", text, re.M)
    assert command is not None
    options_of("main.py " + " ".join(re.findall(r'"([^"]*)"', command[1])))


def test_compose_opens_the_ports_of_the_default_configuration_to_this_machine_only() -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]["server"]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}" for port in (11437, 11435, 11436)]
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"


def test_secrets_are_in_no_image_and_no_commit() -> None:
    for name in (".dockerignore", ".gitignore"):
        lines = {line.lstrip("/") for line in (PROJECT / name).read_text(encoding="utf-8").splitlines()}
        assert {"keys.json", "hub_settings.json", "server_config.json"} <= lines

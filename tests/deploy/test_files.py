"""The files in deploy/ fit the program and each other."""

import json
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


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd's checker is not on this machine")
def test_systemd_rates_the_exposure_as_the_documentation_says() -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", UNIT]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    rating = re.search(r"exposure level for \S+: (\d+\.\d+)", result.stdout)
    stated = re.search(r"rates its exposure\s+(\d+\.\d+)", (PROJECT / "docs/deployment.md").read_text(encoding="utf-8"))
    assert rating is not None, result.stdout + result.stderr
    assert stated is not None
    assert abs(float(rating[1]) - float(stated[1])) <= 0.3  # versions of systemd weigh a little differently


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not on this machine")
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    files = f"pid {tmp_path / 'nginx.pid'}; error_log {tmp_path / 'errors.log'};"
    command = ["nginx", "-t", "-q", "-c", DEPLOY / "nginx.conf", "-g", files, "-p", tmp_path]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stderr


def test_the_container_starts_the_suite() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    command = re.search(r"^CMD \[(.*)\]$", text, re.M)
    assert command is not None
    options_of("main.py " + " ".join(re.findall(r'"([^"]*)"', command[1])))


def test_what_the_image_is_built_from_is_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    known = {"FROM", "ARG", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {step for step, _ in steps} <= known
    for _, argument in (each for each in steps if each[0] == "COPY"):
        assert all((PROJECT / source).exists() for source in argument.split()[:-1]), argument
    entry = json.loads(next(argument for step, argument in steps if step == "ENTRYPOINT"))
    assert (PROJECT / entry[-1]).is_file()
    for form in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(next(argument for step, argument in steps if step == form)), list)
    order = [step for step, _ in steps]
    assert order.index("USER") > order.index("COPY"), "the program belongs to root, who it does not run as"
    assert next(argument for step, argument in steps if step == "USER") != "root"


def test_compose_takes_every_right_that_is_not_needed() -> None:
    """The keys are those of the Compose Specification; no tool of Docker's was at hand to check the file."""
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    service = document["services"]["server"]
    assert set(document) == {"services", "volumes"}
    assert set(service) <= {
        *("build", "image", "restart", "ports", "volumes", "devices", "group_add", "cap_drop", "security_opt"),
        *("read_only", "tmpfs", "stop_grace_period", "logging"),
    }
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert {volume.partition(":")[0] for volume in service["volumes"]} == set(document["volumes"])


def test_the_windows_script_starts_the_suite() -> None:
    """What can be said of it without PowerShell; it has not been run."""
    text = (DEPLOY / "install-windows-task.ps1").read_text(encoding="ascii")  # older PowerShells guess encodings
    for opening, closing in ("()", "{}", "[]"):
        assert text.count(opening) == text.count(closing)
    argument = re.search(r"-Argument \('(.*)' -f \$DataDir\)", text)
    assert argument is not None
    options_of(argument[1].replace('"{0}"', "DIR"))
    assert "-RunLevel Limited" in text
    assert re.search(r"\$normalPriority = [456]\b", text), "a task is below normal otherwise"
    assert not re.search(r"Invoke-Expression|iex |DownloadString|-Verb RunAs", text)
    declared = {name.lower() for name in re.findall(r"\$(\w+) =", text)} | {"datadir", "remove"}
    used = {name.lower() for name in re.findall(r"\$(\w+)", text)}
    assert used <= declared | {"psscriptroot", "env", "true", "false", "erroractionpreference"}


def test_compose_opens_the_ports_of_the_default_configuration_to_this_machine_only() -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]["server"]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}" for port in (11437, 11435, 11436)]
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"


def test_secrets_are_in_no_image_and_no_commit() -> None:
    for name in (".dockerignore", ".gitignore"):
        lines = {line.lstrip("/") for line in (PROJECT / name).read_text(encoding="utf-8").splitlines()}
        assert {"keys.json", "hub_settings.*", "server_config.json"} <= lines

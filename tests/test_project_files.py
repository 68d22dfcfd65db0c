"""The project's own files agree: requirements, versions, and what is ignored."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.helpers import wait_until
from tests.support.launch import DEMO_ID
from tests.support.launch_suite import suite_process
from version import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]  # comes with pytest there

PROJECT = Path(__file__).resolve().parent.parent


def lines_of(name: str) -> list[str]:
    lines = (PROJECT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_requirements_are_those_of_the_project(project: dict[str, Any]) -> None:
    assert project["project"]["dependencies"] == lines_of("requirements.txt")
    assert project["project"]["optional-dependencies"] == {"test": lines_of("requirements-test.txt")}


def test_every_requirement_is_pinned_within_its_range() -> None:
    pins = {canonicalize_name(pin.name): pin for pin in map(Requirement, lines_of("constraints.txt"))}
    for requirement in map(Requirement, [*lines_of("requirements.txt"), *lines_of("requirements-test.txt")]):
        [pinned] = pins[canonicalize_name(requirement.name)].specifier
        assert pinned.operator == "=="
        assert requirement.specifier.contains(pinned.version), requirement


def test_the_version_stands_in_one_place(project: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "version.__version__"
    printed = subprocess.run([sys.executable, "main.py", "--version"], cwd=PROJECT, capture_output=True, text=True)
    assert printed.stdout.strip() == __version__
    assert re.search(rf"^## \[{re.escape(__version__)}\]", (PROJECT / "CHANGELOG.md").read_text("utf-8"), re.M)


def test_git_ignores_what_a_suite_writes(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    with suite_process(data_dir, gateway=True) as suite:
        suite.assign("gpu", [DEMO_ID])
        wait_until(lambda: suite.device("gpu")["state"] == "running")
        assert suite.chat("gpu", DEMO_ID, "hello").status_code == 200
        written = {path.relative_to(data_dir).as_posix() for path in data_dir.rglob("*") if path.is_file()}
    written -= {"main.log"}  # the test's own
    written |= {"keys.json", "keys.lock", "hub_settings.json", "server_config.json", "tuning.json"}
    written |= {".keys.json.abc.tmp", "device_config.last-good.json", "models/org_name/openvino_model.bin"}
    assert {"gateway.json", ".running.json"} < written
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_bytes((PROJECT / ".gitignore").read_bytes())
    command = ["git", "-C", str(tmp_path), "check-ignore", "--stdin"]
    checked = subprocess.run(command, input="\n".join(sorted(written)), capture_output=True, encoding="utf-8")
    assert sorted(written - set(checked.stdout.splitlines())) == []


def test_an_image_leaves_out_what_git_ignores() -> None:
    def named(line: str) -> str:
        return line.removeprefix("!").removeprefix("**/").strip("/")

    left_out = {named(line) for line in lines_of(".dockerignore")}
    whole_folders = {name for name in left_out if (PROJECT / name).is_dir()}
    for line in map(named, lines_of(".gitignore")):
        if line != "*.pyc":  # in __pycache__
            assert line in left_out or line.partition("/")[0] in whole_folders, line

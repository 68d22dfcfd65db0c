"""The converter's environment: whole or not there. Installing it for real is tried in tests/real."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conversion.child import ChildFailed, run_child
from conversion.errors import ConverterUnavailable
from conversion.toolchain import REQUIREMENTS, TORCH, Converter
from supervision.environment import child_environment, installer_environment
from supervision.python import python_command


class WithoutNetwork(Converter):
    """What would be run is noted; `failing`: commands that hold these words fail."""

    def __init__(self, data_dir: Path, *failing: str) -> None:
        super().__init__(data_dir)
        self.commands: list[str] = []
        self._failing = failing

    async def _run(self, command: tuple[str, ...], on_line: object) -> None:
        words = " ".join(command)
        self.commands.append(words)
        self.python.parent.mkdir(parents=True, exist_ok=True)
        self.python.write_text("an interpreter", encoding="utf-8")
        if any(each in words for each in self._failing):
            raise ChildFailed("no network")


async def test_it_counts_only_once_it_is_whole(tmp_path: Path) -> None:
    converter = WithoutNetwork(tmp_path, "requirements.txt")
    with pytest.raises(ConverterUnavailable, match="no network"):
        await converter.install(print)
    assert not converter.installed
    assert not converter.folder.exists()
    whole = WithoutNetwork(tmp_path)
    await whole.install(print)
    assert whole.installed
    assert whole.status().size_bytes > 0
    count = len(whole.commands)
    await whole.install(print)
    assert len(whole.commands) == count
    assert whole.remove() > 0
    assert not whole.installed
    assert not whole.folder.exists()


async def test_torchvision_may_be_missing(tmp_path: Path) -> None:
    converter = WithoutNetwork(tmp_path, TORCH[1])
    await converter.install(print)
    assert converter.installed
    assert [TORCH[0] in words for words in converter.commands].count(True) == 2


async def test_another_version_of_the_server_installs_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converter = WithoutNetwork(tmp_path)
    await converter.install(print)
    monkeypatch.setattr("conversion.toolchain.TORCH", ("torch==99",))
    assert not converter.installed
    assert not converter.status().installed


def test_the_exporter_reaches_no_network_and_leaves_no_files(tmp_path: Path) -> None:
    exporter = Converter(tmp_path).exporter(tmp_path / "scratch")
    assert exporter.environment["HF_HUB_OFFLINE"] == "1"
    assert {exporter.environment[name] for name in ("TMPDIR", "TEMP", "TMP")} == {str(tmp_path / "scratch")}
    assert str(tmp_path / "converter") in exporter.command[0]


def test_pip_gets_its_own_settings_and_no_packages_of_ours() -> None:
    given = {
        "PATH": "/bin",
        "PIP_INDEX_URL": "http://mirror",
        "PYTHONPATH": "/ours",
        "VIRTUAL_ENV": "/ours",
        "HF_TOKEN": "x",
    }
    environment = installer_environment(given)
    assert environment["PIP_INDEX_URL"] == "http://mirror"
    assert not {"PYTHONPATH", "VIRTUAL_ENV", "HF_TOKEN"} & set(environment)


def test_every_requirement_is_pinned() -> None:
    lines = [line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for line in lines:
        assert re.match(r"[\w-]+(==|<)[\w.]+(; python_version (>=|<) \"3\.\d+\")?$|\w+; \(", line), line
    assert {line.partition("==")[0] for line in lines} >= {"optimum-intel", "transformers", "nncf", "peft"}


async def test_a_child_that_fails_tells_its_last_words() -> None:
    script = "import sys; print('first'); print('last words', file=sys.stderr); sys.exit(3)"
    lines: list[str] = []
    with pytest.raises(ChildFailed, match="last words"):
        await run_child(python_command("-c", script), environment=child_environment(), on_line=lines.append)
    assert lines[0] == "first"

"""`service`: the unit or task that starts the suite."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands.service import NAME, quoted, task_command, unit
from tests.commands.conftest import Command
from tests.support.launch import PROJECT

linux = pytest.mark.skipif(sys.platform != "linux", reason="systemd")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl that writes down what it is told; an enabled unit is one whose link is there."""
    folder, written = tmp_path / "bin", tmp_path / "calls"
    folder.mkdir()
    script = folder / "systemctl"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {shlex.quote(str(written))}\n'
        f'case "$*" in *is-*) test -e {shlex.quote(str(tmp_path / "active"))};; esac\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config 設定"))
    return written


@linux
def test_a_service_comes_and_goes(command: Command, calls: Path, tmp_path: Path, data_dir: Path) -> None:
    path = tmp_path / "config 設定" / "systemd" / "user" / f"{NAME}.service"
    assert command("service", "status", "--json").json == {"installed": False, "enabled": False, "active": False}
    assert command("service", "remove").code == 3
    assert command("service", "install", "--dry-run").code == 0
    assert not path.exists()
    assert command("service", "install").code == 0
    assert f'"--data-dir" "{data_dir}"' in path.read_text(encoding="utf-8")
    told = calls.read_text(encoding="utf-8")
    assert told.index("daemon-reload") < told.index("enable") < told.index("restart")
    (tmp_path / "active").touch()
    assert command("service", "status", "--json").json == {"installed": True, "enabled": True, "active": True}
    assert command("service", "remove").code == 0
    assert not path.exists()
    assert f"--user disable --now {NAME}.service" in calls.read_text(encoding="utf-8")


@linux
def test_without_systemd_nothing_is_written(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    ended = command("service", "install")
    assert (ended.code, "no systemd" in ended.err) == (1, True)
    assert not (tmp_path / "config").exists()


@linux
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="the verifier is not there")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.service"
    path.write_text(unit(tmp_path / '資料 $HOME 100% "x"', ["--port", "1"]), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, encoding="utf-8")
    assert str(path) not in done.stderr, done.stderr


def test_words_are_quoted_as_systemd_reads_them() -> None:
    assert quoted("/a b/$x/100%") == '"/a b/$$x/100%%"'
    assert quoted('C:\\x "y"') == '"C:\\\\x \\"y\\""'


def test_the_task_of_windows_is_the_deployed_script(tmp_path: Path) -> None:
    install = task_command("install", tmp_path)
    assert Path(install[install.index("-File") + 1]) == PROJECT / "deploy" / "install-windows-task.ps1"
    assert install[-2:] == ["-DataDir", str(tmp_path)]
    assert task_command("remove", tmp_path)[-1] == "-Remove"
    name = task_command("status", tmp_path)[3]
    script = (PROJECT / "deploy" / "install-windows-task.ps1").read_text(encoding="utf-8-sig")
    assert f"$taskName = '{name}'" in script

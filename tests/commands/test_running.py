"""Commands for the suite itself, on a real one: logs, restart, open, stop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from supervision.run_file import announced
from tests.admin.site import LiveSite, make_site
from tests.commands.conftest import Command
from tests.helpers import wait_until
from tests.support.launch import DEMO_ID, PROJECT
from tests.support.launch_suite import SuiteProcess, suite_process


@pytest.fixture
def suite(data_dir: Path) -> Iterator[SuiteProcess]:
    with suite_process(data_dir, gateway=True) as suite:
        suite.assign("gpu", [DEMO_ID])
        wait_until(lambda: suite.device("gpu")["state"] == "running")
        yield suite


def test_a_suite_is_restarted_and_stopped(suite: SuiteProcess, command: Command) -> None:
    before = suite.device("gpu")["pid"]
    assert command("restart", "npu").code == 3, "it has no models"
    assert command("restart", "gpu").code == 0
    wait_until(lambda: suite.device("gpu")["pid"] not in (before, None))
    wait_until(lambda: suite.device("gpu")["state"] == "running")
    assert command("restart", "--json").json == {"restarted": ["gpu", "gateway"]}
    wait_until(lambda: suite.device("gpu")["state"] == "running")
    family = psutil.Process(suite.process.pid).children(recursive=True)
    assert command("stop").out.startswith("Stopped")
    assert suite.process.wait(30) == 0
    assert not psutil.wait_procs(family, 30)[1], "no process is left behind"
    assert command("stop", "--json").json == {"stopped": False}
    assert command("restart").code == 5
    assert "stopping" in command("logs").out


def test_the_page_is_opened(data_dir: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert command("open").code == 5
    with LiveSite(make_site(data_dir)) as live, announced(data_dir, live.url):
        shown = command("open")
        assert (shown.code, opened) == (0, [live.url])
        assert f"No browser could be opened: {live.url}" in shown.out
        stopping = httpx.post(f"{live.url}/api/shutdown")
        assert (stopping.status_code, stopping.json()["error"]["type"]) == (409, "cannot_shut_down")


def test_logs_are_read_whether_the_suite_runs_or_not(data_dir: Path, command: Command) -> None:
    (data_dir / "logs").mkdir()
    (data_dir / "logs" / "gpu.log").write_text("".join(f"line {n} 貓\n" for n in range(500)), encoding="utf-8")
    assert command("logs", "gpu", "--lines", "2").out == "line 498 貓\nline 499 貓\n"
    assert len(command("logs", "gpu", "--json").json["lines"]) == 200
    missing = command("logs")
    assert (missing.code, "gpu" in missing.err) == (3, True)
    assert command("logs", "../secret").code == 3


def test_a_log_is_followed_over_its_rotation(data_dir: Path) -> None:
    path = data_dir / "logs" / "gpu.log"
    path.parent.mkdir()
    path.write_text("first\n", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "main.py", "logs", "gpu", "--follow", "--data-dir", str(data_dir)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "first\n"
        with path.open("a", encoding="utf-8") as stream:
            stream.write("second\nhalf")
        assert process.stdout.readline() == "second\n"
        with path.open("a", encoding="utf-8") as stream:
            stream.write(" whole\n")
        assert process.stdout.readline() == "half whole\n"
        path.write_text("anew\n", encoding="utf-8")
        assert process.stdout.readline() == "anew\n"
    finally:
        process.kill()
        process.wait()

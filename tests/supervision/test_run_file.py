"""One process in charge of a data directory, and where it says that it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervision.run_file import DirectoryInUse, RunningAdmin, announced, lock_data_directory, read_run_file

HOLD = (
    "import pathlib, sys, time; from supervision.run_file import lock_data_directory; "
    "charge = lock_data_directory(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
)
PROJECT = Path(__file__).resolve().parents[2]


def test_the_admin_says_where_it_is_while_it_runs(tmp_path: Path) -> None:
    assert read_run_file(tmp_path) is None
    with announced(tmp_path, "http://127.0.0.1:1", key="secret"):
        running = read_run_file(tmp_path)
        assert running == RunningAdmin("http://127.0.0.1:1", os.getpid(), "secret")
        assert "secret" not in repr(running)
        if sys.platform != "win32":
            assert [path.stat().st_mode & 0o077 for path in tmp_path.iterdir()] == [0]
    assert read_run_file(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1}', '{"url": "x", "pid": 1, "other": 2}'])
def test_a_file_that_says_nothing_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".running.json").write_text(text, encoding="utf-8")
    assert read_run_file(tmp_path) is None


def test_the_file_of_a_process_that_is_gone_counts_as_none(tmp_path: Path) -> None:
    process = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    content = {"url": "http://127.0.0.1:1", "pid": int(process.stdout), "key": None}
    (tmp_path / ".running.json").write_text(json.dumps(content), encoding="utf-8")
    assert read_run_file(tmp_path) is None


def test_the_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"held"
        with announced(tmp_path, "http://127.0.0.1:1"), pytest.raises(DirectoryInUse) as caught:
            lock_data_directory(tmp_path)
        assert caught.value.url == "http://127.0.0.1:1"
        assert str(tmp_path) in str(caught.value)
        process.kill()
    for _ in range(2):
        with lock_data_directory(tmp_path):
            pass

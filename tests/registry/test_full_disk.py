"""A disk that is really full."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.admin.site import PROJECT
from tests.registry import full_disk


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk can be mounted without further ado on Linux only")
def test_a_disk_that_fills_loses_nothing(tmp_path: Path, model: Path) -> None:
    disk = tmp_path / "small"
    disk.mkdir()
    apart = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*apart, "mount", "-t", "tmpfs", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a disk in a namespace of their own")
    command = [*apart, sys.executable, "-m", full_disk.__name__, str(disk), str(model)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, encoding="utf-8", timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == {
        "full": "failed",
        "error": "NotEnoughDisk",
        "listed while full": [],
        "afterwards": "ready",
        "differing": [],
    }

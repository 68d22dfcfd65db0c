"""A host's share of a processor is written as both versions of Linux's control groups want it."""

from pathlib import Path

import pytest

from tests.deploy.ray_cluster.hosts import CpuShare


def read(share: CpuShare, name: str) -> str:
    return (share.path / name).read_text(encoding="ascii")


def test_the_second_version(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").touch()
    share = CpuShare("node", root=tmp_path)
    assert share.path.parent == tmp_path
    with share.held_to(0.4):
        assert read(share, "cpu.max") == "8000 20000"
    assert read(share, "cpu.max") == "max 20000"


def test_the_first_version(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    share = CpuShare("node", root=tmp_path)
    assert share.path.parent == tmp_path / "cpu"
    with share.held_to(0.4):
        assert (read(share, "cpu.cfs_quota_us"), read(share, "cpu.cfs_period_us")) == ("8000", "20000")
    assert read(share, "cpu.cfs_quota_us") == "-1"


def test_how_much_of_a_share_was_used_up_is_told_since_the_last_time(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").touch()
    share = CpuShare("node", root=tmp_path)
    (share.path / "cpu.stat").write_text("usage_usec 5\nnr_periods 100\nnr_throttled 10\n", encoding="ascii")
    share.used_up()
    (share.path / "cpu.stat").write_text("usage_usec 9\nnr_periods 200\nnr_throttled 100\n", encoding="ascii")
    assert share.used_up() == pytest.approx(0.9)

"""The measurement of a download, with a small one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.pull import measure, summary

pytestmark = pytest.mark.long

SIZE = 20_000_000


def test_a_download_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    figures = measure(SIZE, tmp_path)
    weights = tmp_path / "資料" / "models" / "bench_large-int4-ov" / "openvino_model.bin"
    assert weights.stat().st_size == figures.size_bytes == SIZE
    assert figures.resident_before > 0
    assert all(moment.health > 0 for moment in figures.moments)
    assert figures.moments[0].state in ("queued", "resolving", "downloading")
    assert f"{SIZE / 1e9:.1f} GB" in summary(figures)

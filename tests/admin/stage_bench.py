"""Two measurements of one model for the staged site, before and after a new driver."""

from __future__ import annotations

from pathlib import Path

import msgspec

from admin.live.bench_runs import BENCH_FOLDER
from tuning.bench_report import BenchMachine, BenchReport, BenchRow

GB = 10**9
ROWS = {
    (128, 1): (412, 17.9, 9.1),
    (128, 8): (655, 96.4, 9.3),
    (512, 1): (1180, 16.8, 9.2),
    (512, 8): (2420, 84.2, 9.6),
}


def stage_bench(data_dir: Path) -> None:
    folder = data_dir / BENCH_FOLDER
    folder.mkdir(exist_ok=True)
    for number, (day, driver, gain) in enumerate((("20", "32.0.101.6734", 1.0), ("27", "32.0.101.8132", 1.14))):
        rows = [
            BenchRow(prompt, streams, round(first / gain, 1), round(speed * gain, 1), int(memory * GB))
            for (prompt, streams), (first, speed, memory) in ROWS.items()
        ]
        machine = BenchMachine(
            "Intel(R) Arc(TM) 140V GPU (16GB)", driver, "Windows 11", "3.12.7", "2026.4", "2026.4", False, ""
        )
        measured = BenchReport(
            "OpenVINO/Phi-3-medium-4k-instruct-int4-ov",
            "INT4_SYM g128",
            "continuous_batching",
            f"2026-11-{day}T09:12:00+00:00",
            machine,
            6.2,
            rows,
        )
        (folder / f"{1_790_000_000 + number}_gpu.json").write_bytes(msgspec.json.encode(measured))

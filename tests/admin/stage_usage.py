"""Figures of the last month for the charts of the staged site."""

from __future__ import annotations

import math
import time
from datetime import date, timedelta
from pathlib import Path

from tests.admin.stage_activity import PHI, R1
from usage.samples import Sample, SampleKey, Total, TotalKey
from usage.store import USAGE_FILE, UsageStore

GIB = 2**30
QWEN = "npu-OpenVINO/Qwen3-8B-int4-cw-ov"


def stage_usage(data_dir: Path, *, now: float | None = None) -> None:
    """A working day's rhythm on two devices: three models, one of them asked with a key."""
    now = time.time() if now is None else now
    store = UsageStore(data_dir / USAGE_FILE)
    samples: dict[tuple[int, SampleKey], Sample] = {}
    hour, day, month = 3600, 24 * 3600, 30 * 24 * 3600
    for step, oldest, newest in ((30, hour, 0), (300, day, hour), (7200, month, day)):
        for at in range(int(now) - oldest, int(now) - newest, step):
            for public, pace, memory in ((PHI, 40.0, 9 * GIB), (R1, 90.0, 2 * GIB), (QWEN, 14.0, 6 * GIB)):
                device, _, model = public.partition("-")
                rhythm = max(0.0, math.sin((at - now) / 5400 + pace)) * (0.6 + 0.4 * math.sin(at / 170 + pace))
                requests = round(rhythm * step / 12)
                first = requests * (0.2 + 0.3 * rhythm)
                figures = Sample(
                    0,
                    requests,
                    0,
                    requests * 210,
                    round(rhythm * pace * step),
                    requests,
                    first,
                    memory,
                    round(2 * rhythm),
                )
                samples[at, (device, model)] = figures
                whole = samples.setdefault((at, (device, "")), Sample(seconds=step))
                whole.add(figures)
                whole.most_memory_bytes = 11 * GIB if device == "gpu" else 6 * GIB
    store.add(samples, {}, now)
    days = [date.fromtimestamp(now) - timedelta(days=number) for number in range(30)]
    totals: dict[TotalKey, Total] = {}
    for day in days:
        for public, key, asked in ((PHI, "", 240), (PHI, "5f0c9a11", 61), (R1, "", 88), (QWEN, "", 33)):
            device, _, model = public.partition("-")
            totals[day.isoformat(), device, model, key] = Total(asked, asked // 40, asked * 310, asked * 190)
    store.add({}, totals, now)

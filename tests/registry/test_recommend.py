"""What is recommended runs there: it fits, an NPU compiles it, and faster ones come first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pools.instance_plan import estimated_bytes
from registry.catalogue import bundled_entries
from registry.fit import fit
from registry.recommend import PUBLISHED, DeviceBudget, Hardware, Recommendation, recommend

ENTRIES = {entry.id: entry for entry in bundled_entries()}
DEVICES: dict[Hardware, str] = {"cpu": "CPU", "igpu": "GPU", "dgpu": "GPU", "npu": "NPU"}
GB = 10**9


def choose(hardware: Hardware, budget: int) -> Recommendation:
    return recommend(ENTRIES.values(), DeviceBudget(DEVICES[hardware], "Test", hardware, budget), estimated_bytes)


@given(st.sampled_from(list(DEVICES)), st.integers(1, 200))
def test_what_is_recommended_runs_there(hardware: Hardware, gigabytes: int) -> None:
    budget = gigabytes * GB
    found = choose(hardware, budget)
    assert found.published == PUBLISHED[hardware].what
    models = [choice.model for choice in found.choices]
    assert len(set(models)) == len(models)
    for choice in found.choices:
        facts = ENTRIES[choice.model].facts()
        assert choice.needed == estimated_bytes(facts, DEVICES[hardware], budget)
        assert fit(facts, choice.needed, budget, hardware).level == "fits"
        assert hardware not in ENTRIES[choice.model].unsuited
        assert hardware != "npu" or ENTRIES[choice.model].npu
    speeds = {choice.level: choice.speed for choice in found.choices}
    if "best" in speeds:
        assert all(speeds[level] > speeds["best"] for level in speeds.keys() - {"best"})
        best = next(choice for choice in found.choices if choice.level == "best")
        assert all(choice.quality <= best.quality for choice in found.choices)


@pytest.mark.parametrize("hardware", DEVICES)
def test_a_pc_of_today_gets_three(hardware: Hardware) -> None:
    assert [choice.level for choice in choose(hardware, 30 * GB).choices] == ["quick", "balanced", "best"]


def test_the_published_speed_is_what_its_own_model_gets() -> None:
    """An 8B model in int4 on an integrated GPU is reckoned as it was measured there."""
    published = PUBLISHED["igpu"]
    entry = ENTRIES["OpenVINO/Qwen3-8B-int4-ov"]
    assert entry.size_bytes == published.weights
    found = recommend([entry], DeviceBudget("GPU", "x", "igpu", 30 * GB), estimated_bytes)
    assert found.choices[0].speed == pytest.approx(published.tokens_per_second, abs=0.1)

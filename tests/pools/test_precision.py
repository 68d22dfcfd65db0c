"""The setting "exact": what the pipeline is told, and what its KV cache is priced at."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.devices import ResolvedDevice
from pools.instance_plan import load_message, plan_instance
from tests.pools.fakes import served_model

F32 = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
GB = 10**9


def _told(device: str, **assignment: Any) -> dict[str, object]:
    model = replace(served_model("a", **assignment), device=ResolvedDevice(device, device, device))
    return load_message(model, plan_instance(model, GB), Path("cache")).properties


@pytest.mark.parametrize("device", ["CPU", "GPU", "GPU.1"])
def test_exact_asks_for_32_bits_everywhere(device: str) -> None:
    assert _told(device, precision="exact").items() >= F32.items()
    assert not F32.items() & _told(device).items()


def test_an_npu_is_left_as_it_is() -> None:
    assert not set(F32) & set(_told("NPU", precision="exact"))


@given(own=st.dictionaries(st.sampled_from(sorted(F32)), st.sampled_from(["f16", "bf16", "32"])))
def test_what_is_configured_by_hand_goes_before(own: dict[str, str]) -> None:
    told = _told("CPU", precision="exact", extra_config=own)
    assert {name: told[name] for name in F32} == {**F32, **own}


@pytest.mark.parametrize("device", ["CPU", "GPU"])
def test_fewer_tokens_fit_into_the_same_memory(device: str) -> None:
    resolved = ResolvedDevice(device, device, device)
    tokens: dict[str, int] = {}
    for precision in ("default", "exact"):
        model = replace(served_model("a", precision=precision, instance_memory_gb=0.006), device=resolved)
        model = replace(model, facts=replace(model.facts, context_length=100_000))
        plan = plan_instance(model, GB)
        assert plan.kv_cache_bytes <= 0.006 * GB
        tokens[precision] = plan.kv_cache_tokens
    assert 0 < tokens["exact"] < tokens["default"]

"""The price of a KV cache beside what OpenVINO really makes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.device_config import ModelAssignment
from hardware.devices import ResolvedDevice
from instances.continuous_batching import ContinuousBatching
from instances.protocol import TokenOutput
from memory.kv_cache import (
    KvFormat,
    KvPrecision,
    KvShape,
    StateCache,
    kv_cache_bytes,
    kv_cache_tokens,
    kv_format,
    state_bytes,
    state_cache,
)
from model_files.model_facts import read_facts
from pools.instance_plan import load_message, plan_instance
from pools.served_model import ServedModel

MODELS = Path(__file__).parents[1] / "models"
DEMO = Path(__file__).parents[2] / "models" / "demo_server-guide"
MEMORY = 4 * 10**9
PRECISIONS: tuple[KvPrecision, ...] = ("f32", "f16", "int8", "int4")


def served(directory: Path, *, device: str = "CPU", **assignment: object) -> ServedModel:
    return ServedModel(
        id="a/b",
        public_id="gpu-a/b",
        directory=directory,
        facts=read_facts(directory),
        assignment=ModelAssignment.model_validate({"id": "a/b", "path": "a", **assignment}),
        device=ResolvedDevice(device, device, device),
    )


def made_by_openvino(model: ServedModel) -> int:
    spec = load_message(model, plan_instance(model, MEMORY), None)
    pipeline = ContinuousBatching(spec)
    pipeline.submit(pipeline.warm_up(1))
    outputs: list[TokenOutput] = []
    while pipeline.busy:
        pipeline.step(outputs.extend)
    assert not any(output.error for output in outputs)
    return pipeline.kv_cache_bytes


@pytest.mark.parametrize("directory", [DEMO, MODELS / "test_chat"], ids=["heads of 64", "heads of 16"])
@pytest.mark.parametrize(
    "assignment",
    [{}, {"kv_cache_precision": "f16"}, {"kv_cache_precision": "int8"}, {"prompt_lookup": 5}],
    ids=["as the files say", "f16", "int8", "with guesses"],
)
def test_the_price_on_the_cpu_is_what_the_pipeline_makes(directory: Path, assignment: dict[str, Any]) -> None:
    model = served(directory, max_concurrent=4, **assignment)
    assert made_by_openvino(model) == pytest.approx(plan_instance(model, MEMORY).kv_cache_bytes, rel=0.05)


def test_without_a_pin_in_the_files_the_cache_has_8_bits_and_is_priced_so() -> None:
    pinned = served(DEMO)
    free = replace(pinned, facts=replace(pinned.facts, kv_options={}))
    assert pinned.kv_format == KvFormat("CPU", "f16", "f16")
    assert free.kv_format == KvFormat("CPU", "int8", "int8")
    assert made_by_openvino(free) == pytest.approx(plan_instance(free, MEMORY).kv_cache_bytes, rel=0.05)


@pytest.mark.parametrize(
    ("device", "wanted", "properties", "pinned", "expected"),
    [
        ("GPU", None, {}, {}, ("int8", "int8")),
        ("GPU.1", None, {}, {"KV_CACHE_PRECISION": "f16"}, ("f16", "f16")),
        ("GPU", "int4", {}, {"KV_CACHE_PRECISION": "f16"}, ("int4", "int4")),
        ("CPU", "int4", {"KV_CACHE_PRECISION": "u8"}, {}, ("int8", "int8")),
        ("CPU", None, {"KV_CACHE_PRECISION": "f32"}, {"KV_CACHE_PRECISION": "f16"}, ("f32", "f32")),
        ("CPU", None, {"KEY_CACHE_PRECISION": "u8", "VALUE_CACHE_PRECISION": "u4"}, {}, ("int8", "int4")),
        ("CPU", None, {"EXECUTION_MODE_HINT": "ACCURACY"}, {"KV_CACHE_PRECISION": "f16"}, ("f32", "f32")),
        ("GPU", None, {}, {"KV_CACHE_PRECISION": "dynamic"}, ("int8", "int8")),
        ("NPU", "int8", {}, {}, ("f16", "f16")),
    ],
)
def test_who_decides_on_the_precision(
    device: str,
    wanted: KvPrecision | None,
    properties: dict[str, str],
    pinned: dict[str, str],
    expected: tuple[str, str],
) -> None:
    form = kv_format(device, wanted=wanted, properties=properties, pinned=pinned)
    assert (form.keys, form.values) == expected


def test_what_is_priced_is_what_is_asked_for() -> None:
    on_gpu = served(DEMO, device="GPU", kv_cache_precision="int4")
    assert load_message(on_gpu, plan_instance(on_gpu, MEMORY), None).properties["KV_CACHE_PRECISION"] == "i4"
    for device in ("NPU", "HETERO:GPU.0,GPU.1"):
        elsewhere = served(DEMO, device=device)
        assert "KV_CACHE_PRECISION" not in load_message(elsewhere, plan_instance(elsewhere, MEMORY), None).properties


# Measured with the plugins of OpenVINO 2026.4: bytes of one block of keys, and of values, for a head of 64.
@pytest.mark.parametrize(
    ("device", "precision", "keys", "values"),
    [
        ("CPU", "f16", 4096, 4096),
        ("CPU", "int8", 2560, 2304),
        ("CPU", "int4", 1536, 1280),
        ("GPU", "f16", 2048, 2048),
        ("GPU", "int8", 1280, 1088),
        ("GPU", "int4", 768, 576),
    ],
)
def test_scales_and_zero_points_are_counted(device: str, precision: KvPrecision, keys: int, values: int) -> None:
    form = KvFormat(device, precision, precision)
    only_keys, only_values = KvShape(64, 0, 0), KvShape(0, 64, 1)
    blocks = 9 + 1  # one is kept free
    assert kv_cache_bytes(only_keys, 9 * form.block_tokens, form) == blocks * keys
    assert kv_cache_bytes(only_values, 9 * form.block_tokens, form) == blocks * values


@given(
    st.sampled_from(["CPU", "GPU", "NPU"]),
    st.sampled_from(PRECISIONS),
    st.integers(1, 64),
    st.integers(1, 256),
    st.sampled_from([0, 1000, 10**7]),
    st.integers(0, 10**11),
)
def test_the_tokens_of_a_size_cost_no_more_than_it(
    device: str, precision: KvPrecision, heads: int, head_size: int, states: int, size: int
) -> None:
    shape = KvShape(heads * head_size, heads * head_size, heads, states)
    form = kv_format(device, wanted=precision)
    tokens = kv_cache_tokens(shape, size, form)
    assert tokens == 0 or kv_cache_bytes(shape, tokens, form) <= size
    assert kv_cache_bytes(shape, tokens + 2 * form.block_tokens, form) > size


@pytest.mark.parametrize(
    ("elements", "interval"),
    [(10, 8), (2560, 8), (25_600, 40), (10**9, 256)],
    ids=["small", "as one block", "as forty", "huge"],
)
def test_states_are_kept_for_every_sequence_and_now_and_then_for_prefixes(elements: int, interval: int) -> None:
    """A block of these keys takes 2,560 bytes; a state is kept after as many as take as much, within the library's
    limits."""
    form, shape = KvFormat("CPU", "int8", "int8"), KvShape(64, 0, 0, elements)
    tokens = 32 * 1000 * interval - 32  # and the block that is kept free
    assert state_cache(shape, tokens, form, 16) == StateCache(1000 + 16, interval)
    kept = kv_cache_bytes(shape, tokens, form) - kv_cache_bytes(KvShape(64, 0, 0), tokens, form)
    assert kept == pytest.approx(1000 * state_bytes(shape, form), rel=0.2)
    assert state_cache(KvShape(64, 0, 0), tokens, form, 16) is None


@pytest.mark.parametrize("max_concurrent", [1, 8])
def test_linear_attention_has_a_state_for_each_request(max_concurrent: int) -> None:
    plain = served(DEMO, max_concurrent=max_concurrent)
    assert plain.facts.kv is not None
    hybrid = replace(plain, facts=replace(plain.facts, kv=replace(plain.facts.kv, state_elements=10**6)))
    plans = [plan_instance(model, MEMORY) for model in (plain, hybrid)]
    states = load_message(hybrid, plans[1], None).state_cache
    assert states is not None
    assert states.blocks > max_concurrent
    assert plans[1].kv_cache_bytes - plans[0].kv_cache_bytes >= states.blocks * 4 * 10**6
    assert load_message(plain, plans[0], None).state_cache is None


def test_where_states_leave_less_room_there_are_fewer_tokens() -> None:
    plain = served(DEMO, instance_memory_gb=0.2)
    assert plain.facts.kv is not None
    hybrid = replace(plain, facts=replace(plain.facts, kv=replace(plain.facts.kv, state_elements=10**6)))
    plan = plan_instance(hybrid, MEMORY)
    assert plan.kv_cache_tokens < plan_instance(plain, MEMORY).kv_cache_tokens
    assert plan.kv_cache_bytes <= 0.2 * 10**9


def test_a_model_whose_states_the_library_does_not_page_loads_all_the_same() -> None:
    model = served(DEMO)
    spec = load_message(model, plan_instance(model, MEMORY), None)
    pipeline = ContinuousBatching(msgspec.structs.replace(spec, state_cache=StateCache(4, 8)))
    pipeline.submit(pipeline.warm_up(1))
    told: list[TokenOutput] = []
    while pipeline.busy:
        pipeline.step(told.extend)
    assert told[-1].finish is not None

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.kv_cache import KvShape
from model_files.facts import ModelFacts
from model_files.model_kind import KINDS
from model_registry import CatalogueEntry, Fit, HubSettings, HubUnreachable, ModelRegistry, fit
from pools.instance_plan import estimated_bytes
from registry.catalogue import bundled_entries, guess_entry
from registry.names import check_model_id
from tests.hub import TestHub

GB = 1_000_000_000


@pytest.fixture
def filled(hub: TestHub, model: Path) -> TestHub:
    names = [
        "Qwen3-8B-int4-ov",
        "Qwen3-8B-int4-cw-ov",
        "New-3B-int8-ov",
        "A-1B-int4-ov",
        "B-1B-int4-ov",
        "C-1B-int4-ov",
    ]
    ids = [f"OpenVINO/{name}" for name in names]
    for model_id in ids:
        hub.add_model(model_id, model)
    hub.add_collection("LLM", ids)
    hub.add_collection("LLMs optimized for NPU", ids[1:2])
    hub.add_collection("Visual Language Models", ["OpenVINO/See-2B-int4-ov"])
    hub.add_collection("Not theirs", ["other/model"], owner="other")
    return hub


async def test_without_a_network_the_bundled_list_is_there_at_once(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path, hub=HubSettings("http://127.0.0.1:9"))
    assert "OpenVINO/Phi-3-medium-4k-instruct-int4-ov" in {entry.id for entry in await registry.collections()}
    asked = await registry.catalogue(refresh=True)
    assert asked.source == "bundled"
    assert "cannot be reached" in (asked.problem or "")


async def test_the_collections_of_the_hub_replace_it_and_are_remembered(
    registry: ModelRegistry, filled: TestHub
) -> None:
    catalogue = await registry.catalogue(refresh=True)
    entries = {entry.id: entry for entry in catalogue.entries}
    assert catalogue.source == "hub"
    assert len(entries) == 7
    assert "other/model" not in entries
    assert (entries["OpenVINO/See-2B-int4-ov"].kind, entries["OpenVINO/New-3B-int8-ov"].kind) == ("vlm", "llm")
    assert entries["OpenVINO/Qwen3-8B-int4-cw-ov"].npu is True
    assert entries["OpenVINO/Qwen3-8B-int4-ov"].license == "apache-2.0"
    filled.requests.clear()
    again = ModelRegistry(registry.models_dir, hub=registry.hub)
    assert await again.catalogue() == catalogue
    assert not filled.requests


async def test_a_broken_or_hostile_cache_is_only_a_missing_one(registry: ModelRegistry, filled: TestHub) -> None:
    await registry.catalogue(refresh=True)
    (registry.models_dir / ".catalogue.json").write_text('{"entries": 7}', encoding="utf-8")
    assert (await registry.catalogue()).source == "bundled"


async def test_search(registry: ModelRegistry, filled: TestHub) -> None:
    found = await registry.search("qwen3")
    assert [entry.id for entry in found] == ["OpenVINO/Qwen3-8B-int4-ov", "OpenVINO/Qwen3-8B-int4-cw-ov"]
    assert (found[0].kind, found[0].license, found[0].downloads) == ("llm", "apache-2.0", 7)
    registry.hub = HubSettings("http://127.0.0.1:9")
    with pytest.raises(HubUnreachable):
        await registry.search("qwen3")


def test_the_bundled_list_is_sound() -> None:
    entries = bundled_entries()
    assert len(entries) == len({entry.id for entry in entries}) > 20
    for entry in entries:
        check_model_id(entry.id)
        assert entry.kind in KINDS
        assert entry.good_for
        assert entry.size_bytes
        json.dumps(entry.as_dict())


@pytest.mark.parametrize(
    ("model_id", "parameters", "quantization", "npu"),
    [
        ("OpenVINO/Qwen3-8B-int4-cw-ov", 8 * GB, "INT4_SYM g-1", True),
        ("OpenVINO/Qwen2.5-0.5B-Instruct-int8-ov", GB // 2, "INT8", None),
        ("OpenVINO/Qwen3-30B-A3B-int4-ov", 30 * GB, "INT4", None),
        ("OpenVINO/phi-4-fp16-ov", None, "FP16", None),
        ("someone/whatever", None, None, None),
    ],
)
def test_what_a_name_tells(model_id: str, parameters: int | None, quantization: str | None, npu: bool | None) -> None:
    entry = guess_entry(model_id)
    assert (entry.parameters, entry.quantization, entry.npu) == (parameters, quantization, npu)
    assert (entry.size_bytes is None) == (parameters is None)


def judged(facts: ModelFacts, budget: int, device: str) -> Fit:
    return fit(facts, estimated_bytes(facts, device, budget, None), budget, device)


def test_fit_by_memory() -> None:
    facts = ModelFacts(kind="llm", size_bytes=5 * GB, kv=KvShape(32768, 32768, 256), context_length=32768)
    assert judged(facts, 16 * GB, "gpu").level == "fits"
    assert judged(facts, 7 * GB, "gpu").level == "tight"
    too_large = judged(facts, 4 * GB, "gpu")
    assert too_large.level == "too_large"
    assert "of 4.0 GB" in too_large.reason


@given(st.integers(1, 200), st.integers(1, 400))
def test_what_fits_can_also_be_loaded(size: int, budget: int) -> None:
    """The KV cache takes what is left, so only weights without room for the least of it are too large."""
    facts = ModelFacts(
        kind="llm", size_bytes=size * GB // 10, kv=KvShape(32768, 32768, 256), context_length=32768, npu_problem="x"
    )
    needed = estimated_bytes(facts, "gpu", budget * GB // 10, None)
    too_large = fit(facts, needed, budget * GB // 10, "gpu").level == "too_large"
    assert too_large == (needed > budget * GB // 10)
    assert too_large or facts.least_bytes <= budget * GB // 10
    assert not too_large or facts.least_bytes + GB // 10 > budget * GB // 10


def test_fit_on_the_npu() -> None:
    good = ModelFacts(kind="llm", size_bytes=2 * GB, quantization="INT4_SYM g-1", parameters=4 * GB)
    asymmetric = ModelFacts(kind="llm", size_bytes=2 * GB, npu_problem="The NPU needs symmetric int4 weights.")
    assert judged(good, 16 * GB, "npu").level == "fits"
    assert judged(asymmetric, 16 * GB, "npu").reason == "The NPU needs symmetric int4 weights."
    assert judged(asymmetric, 16 * GB, "gpu").level == "fits"
    assert judged(CatalogueEntry("a/r", kind="reranker", size_bytes=GB).facts(), 16 * GB, "npu").level == "unsuitable"
    large = judged(guess_entry("a/B-14B-int4-cw-ov", kind="llm").facts(), 64 * GB, "npu")
    assert (large.level, large.reason[:10]) == ("unsuitable", "14.0 billi")


def test_fit_of_a_damaged_model_and_of_catalogue_entries() -> None:
    assert judged(ModelFacts(problem="cut short"), 16 * GB, "cpu").level == "unsuitable"
    for name in ("a/B-3B-int8-ov", "a/B-3B-int4-ov"):
        assert judged(guess_entry(name, kind="llm").facts(), 16 * GB, "npu").level == "unsuitable"
    assert judged(guess_entry("a/B-3B-int4-cw-ov", kind="llm").facts(), 16 * GB, "npu").level == "fits"
    for kind in ("whisper", "tts", "image"):
        assert judged(CatalogueEntry("a/b", kind=kind, size_bytes=GB).facts(), 16 * GB, "gpu").level == "fits"
    assert judged(CatalogueEntry("a/b", kind="seq2seq", size_bytes=GB).facts(), 16 * GB, "gpu").level == "unsuitable"

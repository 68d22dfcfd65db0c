"""What is not converted is refused before its weights come."""

from __future__ import annotations

from pathlib import Path

import pytest

from conversion.conversions import Conversions
from conversion.jobs import ConversionRequest
from memory.readings import MemoryReading
from model_registry import HubSettings, ModelRegistry
from registry.errors import InvalidModelName
from tests.conversion.conftest import ID
from tests.conversion.converting import converted
from tests.conversion.sources import LLAMA, make_source
from tests.conversion.stand_in import StandInConverter
from tests.hub import TestHub


async def test_nothing_is_fetched_of_what_cannot_be_converted(
    conversions: Conversions, hub: TestHub, tmp_path: Path
) -> None:
    cases = {
        "Tiny/Unknown": {"architectures": ["FlyingForCausalLM"], "model_type": "flying"},
        "Tiny/Code": {"architectures": ["BaichuanForCausalLM"], "model_type": "baichuan", "auto_map": {}},
        "Tiny/Labels": {"architectures": ["BertForSequenceClassification"], "model_type": "bert"},
    }
    for name, config in cases.items():
        hub.add_model(name, make_source(tmp_path / name, config))
        job = await converted(conversions, ConversionRequest(name))
        assert job.state == "failed"
        assert job.error is not None
        assert job.error.type in ("NotConvertible", "NeedsRemoteCode")
    assert not hub.files_asked("model.safetensors")


async def test_code_comes_only_when_it_is_allowed(
    conversions: Conversions, registry: ModelRegistry, hub: TestHub, tmp_path: Path
) -> None:
    config = {"architectures": ["BaichuanForCausalLM"], "model_type": "baichuan", "auto_map": {}}
    hub.add_model("Tiny/Code", make_source(tmp_path / "code", config, modeling__py="print('run')"))
    hub.add_model(ID, make_source(tmp_path / "native", LLAMA | {"auto_map": {}}, modeling__py="print('run')"))
    assert (await converted(conversions)).state == "ready"
    assert not hub.files_asked("modeling.py")
    job = await converted(conversions, ConversionRequest("Tiny/Code", trust_remote_code=True))
    assert job.state == "ready"
    assert len(hub.files_asked("modeling.py")) == 1
    assert "--trust-remote-code" in job.recipe


async def test_pickled_weights_are_refused(conversions: Conversions, hub: TestHub, tmp_path: Path) -> None:
    source = make_source(tmp_path / "pickled", pytorch_model__bin="pickle")
    (source / "model.safetensors").unlink()
    hub.add_model("Tiny/Pickled", source)
    job = await converted(conversions, ConversionRequest("Tiny/Pickled"))
    assert job.error is not None
    assert "safetensors" in job.error.message
    assert not hub.files_asked("pytorch_model.bin")


async def test_disk_and_memory_are_checked_before_the_weights_come(
    data_dir: Path, hub: TestHub, converter: StandInConverter
) -> None:
    registry = ModelRegistry(data_dir / "models", hub=HubSettings(hub.url), free=lambda _: 1_000_000)
    short = Conversions(registry, converter)
    job = await converted(short)
    assert job.error is not None
    assert (job.error.type, job.error.status) == ("NotEnoughDisk", 507)
    registry = ModelRegistry(data_dir / "models", hub=HubSettings(hub.url))
    narrow = Conversions(registry, converter, memory=lambda: MemoryReading(16 * 10**9, 10**8))
    job = await converted(narrow)
    assert job.error is not None
    assert (job.error.type, job.error.details["available_bytes"]) == ("NotEnoughMemory", 10**8)
    assert not hub.files_asked("model.safetensors")


async def test_a_gated_model_says_where_its_licence_is(conversions: Conversions, hub: TestHub, tmp_path: Path) -> None:
    hub.add_model("Tiny/Gated", make_source(tmp_path / "gated"), gated=True)
    job = await converted(conversions, ConversionRequest("Tiny/Gated"))
    assert job.error is not None
    assert job.error.type == "GatedModel"
    assert job.error.details["license_url"].endswith("/Tiny/Gated")


async def test_names_are_checked_at_once(conversions: Conversions) -> None:
    for source in ("no-organisation", "../up", "a/b/c"):
        with pytest.raises(InvalidModelName):
            conversions.convert(ConversionRequest(source))
    with pytest.raises(InvalidModelName):
        conversions.convert(ConversionRequest(ID, model_id="not a name"))

"""Conversions from the tests' hub through the stand-in exporter: everything but the export itself is real."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path

import psutil
import pytest

from conversion.conversions import Conversions
from conversion.jobs import ConversionJob, ConversionRequest
from conversion.steps import carry_over
from memory.readings import MemoryReading
from model_registry import ModelRegistry
from registry.errors import InvalidModelName, RegistryConflict
from tests.conversion.conftest import ID, MODEL
from tests.conversion.sources import LLAMA, make_source
from tests.conversion.stand_in import QUICK, StandInConverter
from tests.helpers import wait_until
from tests.hub import TestHub

RESULT = f"{ID}-int4-ov"


async def converted(conversions: Conversions, request: ConversionRequest | None = None) -> ConversionJob:
    return await conversions.settled(conversions.convert(request or ConversionRequest(ID)).id)


async def held(converter: StandInConverter, conversions: Conversions) -> ConversionJob:
    """A conversion that stands still in the exporter."""
    converter.order(hold=True)
    job = conversions.convert(ConversionRequest(ID))
    await asyncio.to_thread(wait_until, (converter.folder.parent / "held").exists)
    await asyncio.to_thread(wait_until, lambda: conversions.job(job.id).stage == "exporting")
    return conversions.job(job.id)


def left(registry: ModelRegistry) -> set[str]:
    """Files in the models directory that belong to no model."""
    partial = registry.models_dir / ".partial"
    return {path.relative_to(partial).as_posix() for path in partial.rglob("*") if path.is_file()}


async def test_a_model_comes_out_verified_and_with_its_provenance(
    verifying: Conversions, registry: ModelRegistry, hub: TestHub
) -> None:
    job = await converted(verifying)
    assert (job.state, job.model_id, job.error) == ("ready", RESULT, None)
    assert job.verified["tokens"] == 16
    assert job.verified["perplexity"] > 1
    model = registry.find(RESULT)
    assert model.complete
    assert model.metadata is not None
    how = model.metadata.converted
    assert how is not None
    assert (how["from"], how["commit"]) == (ID, job.commit)
    assert how["command"] == "optimum-cli export openvino " + " ".join(
        ["--task text-generation-with-past", "--weight-format int4 --group-size 128 --ratio 1.0"]
    )
    assert how["versions"] == {"stand-in": "1"}
    assert how["verified"] == job.verified
    assert model.metadata.license == "apache-2.0"
    assert (await registry.verify(RESULT)).intact
    assert left(registry) == {"conversions.json"}
    assert "apache-2.0" in job.notes[0]


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
    from model_registry import HubSettings

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


@pytest.mark.parametrize(
    "orders",
    [
        {"fail": "KeyError: 'x'"},
        {"fail": "No space left on device", "disk_full": True},
        pytest.param({"die": True}, marks=pytest.mark.skipif(sys.platform == "win32", reason="no signals there")),
    ],
)
async def test_an_export_that_goes_wrong_leaves_no_model_and_can_be_tried_again(
    conversions: Conversions, registry: ModelRegistry, converter: StandInConverter, hub: TestHub, orders: dict
) -> None:
    converter.order(**orders)
    job = await converted(conversions)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error.type == ("NotEnoughDisk" if orders.get("disk_full") else "ConversionFailed")
    assert orders.get("fail", "") in job.error.message or orders.get("disk_full")
    assert not registry.local_models()
    assert not any("output" in path or "intermediate" in path for path in left(registry))
    hub.requests.clear()
    converter.order()
    assert conversions.convert(job.request).id == job.id
    assert (await conversions.settled(job.id)).state == "ready"
    assert not hub.files_asked("model.safetensors")
    assert left(registry) == {"conversions.json"}


async def test_a_model_that_does_not_work_is_deleted(
    verifying: Conversions, registry: ModelRegistry, converter: StandInConverter
) -> None:
    converter.order(cut=True)
    job = await converted(verifying)
    assert job.error is not None
    assert (job.state, job.error.type) == ("failed", "ConversionFailed")
    assert "openvino_model.bin" in job.error.message
    assert not registry.local_models()
    assert not any("output" in path for path in left(registry))


async def test_cancel_ends_the_exporter_and_gives_the_disk_back(
    conversions: Conversions, registry: ModelRegistry, converter: StandInConverter
) -> None:
    job = await held(converter, conversions)
    assert (job.state, job.stage) == ("converting", "exporting")
    (child,) = [each for each in psutil.Process().children() if "tests.conversion.stand_in" in each.cmdline()]
    assert child.nice() > psutil.Process().nice() or sys.platform == "win32"
    conversions.cancel(job.id)
    assert (await conversions.settled(job.id)).state == "cancelled"
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert left(registry) == {"conversions.json"}
    assert not registry.local_models()
    conversions.dismiss(job.id)
    assert conversions.jobs() == []


async def test_pause_keeps_the_download(
    conversions: Conversions, registry: ModelRegistry, converter: StandInConverter, hub: TestHub
) -> None:
    job = await held(converter, conversions)
    conversions.pause(job.id)
    assert (await conversions.settled(job.id)).state == "paused"
    hub.requests.clear()
    converter.order()
    conversions.resume(job.id)
    assert (await conversions.settled(job.id)).state == "ready"
    assert not hub.files_asked("model.safetensors")


async def test_the_log_is_kept_and_shown(conversions: Conversions, converter: StandInConverter) -> None:
    job = await held(converter, conversions)
    assert "This exports nothing" in conversions.log(job.id)
    assert any("This exports nothing" in line for line in conversions.job(job.id).log)
    assert json.dumps(conversions.job(job.id).as_dict())


async def test_one_conversion_at_a_time_and_the_same_one_once(
    conversions: Conversions, converter: StandInConverter, hub: TestHub, tmp_path: Path
) -> None:
    hub.add_model("Tiny/Other", make_source(tmp_path / "other"))
    first = await held(converter, conversions)
    assert conversions.convert(first.request).id == first.id
    second = conversions.convert(ConversionRequest("Tiny/Other"))
    await asyncio.sleep(0.1)
    assert conversions.job(second.id).state == "queued"
    with pytest.raises(RegistryConflict):
        await conversions.remove_converter()
    converter.release()
    assert [(await conversions.settled(each.id)).state for each in (first, second)] == ["ready", "ready"]


async def test_a_folder_of_this_machine(conversions: Conversions, registry: ModelRegistry, tmp_path: Path) -> None:
    folder = make_source(tmp_path / "我的 模型" / "Org_Mine")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    job = await converted(conversions, ConversionRequest(str(folder)))
    assert (job.state, job.model_id) == ("ready", "Org/Mine-int4-ov")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    metadata = registry.find("Org/Mine-int4-ov").metadata
    assert metadata is not None
    assert metadata.source == "folder Org_Mine"


async def test_pooling_and_prompts_are_carried_over(
    conversions: Conversions, registry: ModelRegistry, hub: TestHub, tmp_path: Path, data_dir: Path
) -> None:
    source = make_source(
        tmp_path / "bert",
        {"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 32},
        modules__json=json.dumps([{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]),
        config_sentence_transformers__json=json.dumps({"prompts": {"query": "ask: ", "document": "text: "}}),
    )
    (source / "1_Pooling").mkdir()
    (source / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}', encoding="utf-8")
    plain = tmp_path / "exported"
    shutil.copytree(MODEL.with_name("test_embedding"), plain, ignore=shutil.ignore_patterns("1_Pooling"))
    embedder = StandInConverter(data_dir, plain)
    hub.add_model("Tiny/Bert", source)
    job = await converted(Conversions(registry, embedder, verification=QUICK), ConversionRequest("Tiny/Bert"))
    assert (job.state, job.model_id) == ("ready", "Tiny/Bert-int8-ov")
    facts = registry.find("Tiny/Bert-int8-ov").facts.embedding
    assert facts is not None
    assert (facts.pooling, facts.query, facts.document) == ("cls", "ask: ", "text: ")


async def test_an_adapter_is_fetched_and_handed_on(conversions: Conversions, hub: TestHub, tmp_path: Path) -> None:
    adapter = make_source(tmp_path / "adapter", adapter_config__json='{"peft_type": "LORA"}')
    (adapter / "model.safetensors").rename(adapter / "adapter_model.safetensors")
    (adapter / "config.json").unlink()
    hub.add_model("Me/Tuned", adapter)
    job = await converted(conversions, ConversionRequest(ID, adapter="Me/Tuned"))
    assert (job.state, job.model_id) == ("ready", "Me/Tuned-int4-ov")
    assert hub.files_asked("adapter_model.safetensors")
    alone = await converted(conversions, ConversionRequest("Me/Tuned"))
    assert alone.error is not None
    assert "LoRA" in alone.error.message


async def test_the_converter_is_installed_on_first_use_and_can_be_removed(
    conversions: Conversions, converter: StandInConverter
) -> None:
    converter.order(install="fail")
    job = await converted(conversions)
    assert job.error is not None
    assert job.error.type == "ConverterUnavailable"
    assert "First use" in job.notes[1]
    assert not converter.installed
    converter.order()
    assert (await converted(conversions)).state == "ready"
    assert converter.installed
    assert await conversions.remove_converter() > 1000
    assert not converter.folder.exists()


async def test_names_are_checked_at_once(conversions: Conversions) -> None:
    for source in ("no-organisation", "../up", "a/b/c"):
        with pytest.raises(InvalidModelName):
            conversions.convert(ConversionRequest(source))
    with pytest.raises(InvalidModelName):
        conversions.convert(ConversionRequest(ID, model_id="not a name"))


def test_what_the_server_reads_is_carried_over_and_nothing_is_overwritten(tmp_path: Path) -> None:
    source, output = make_source(tmp_path / "source", preprocessor_config__json="{}"), tmp_path / "output"
    (source / "1_Pooling").mkdir()
    (source / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
    (source / "generation_config.json").write_text("theirs", encoding="utf-8")
    output.mkdir()
    (output / "generation_config.json").write_text("the exporter's", encoding="utf-8")
    carry_over(source, output)
    there = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert there == {"README.md", "preprocessor_config.json", "1_Pooling/config.json", "generation_config.json"}
    assert (output / "generation_config.json").read_text(encoding="utf-8") == "the exporter's"

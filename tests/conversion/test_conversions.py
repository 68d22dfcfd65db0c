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
from conversion.jobs import ConversionRequest
from conversion.steps import carry_over
from model_registry import ModelRegistry
from registry.errors import RegistryConflict
from tests.conversion.conftest import ID, MODEL
from tests.conversion.converting import converted, held, left
from tests.conversion.sources import make_source
from tests.conversion.stand_in import QUICK, StandInConverter
from tests.hub import TestHub

RESULT = f"{ID}-int4-ov"


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

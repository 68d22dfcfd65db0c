"""Which model drafts for another, what that takes, and the sentence where it cannot."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from configuration.device_config import DeviceSettings, ModelAssignment
from hardware.devices import ResolvedDevice
from model_files.drafts import own_drafts, tokenizers_differ
from model_files.model_facts import read_facts
from pools.drafts import find_draft
from pools.instance_plan import load_message, plan_instance
from pools.served_model import ServedModel

DEMO = Path(__file__).parents[2] / "models" / "demo_server-guide"
TINY = Path(__file__).parents[1] / "models"
CPU = ResolvedDevice("CPU", "CPU", "CPU")
NPU = ResolvedDevice("NPU", "NPU", "NPU")
MEMORY = 4 * 10**9


def found(
    data_dir: Path, model: Path = DEMO, device: ResolvedDevice = CPU, **assignment: Any
) -> tuple[Path | None, str | None]:
    entry = ModelAssignment.model_validate({"id": "a/b", "path": str(model), **assignment})
    settings = DeviceSettings(port=1, device="CPU", models=[entry])
    draft, problem = find_draft(settings, entry, read_facts(model), model, data_dir, device)
    return (draft.directory if draft else None), problem


def served(draft: bool, **assignment: Any) -> ServedModel:
    entry = ModelAssignment.model_validate({"id": "a/b", "path": str(DEMO), "draft": "auto", **assignment})
    facts = read_facts(DEMO)
    settings = DeviceSettings(port=1, device="CPU")
    model, _ = find_draft(settings, entry, facts, DEMO, DEMO, CPU)
    assert model is not None
    return ServedModel("a/b", "cpu-a/b", DEMO, facts, entry, CPU, draft=model if draft else None)


def test_auto_takes_the_one_in_the_models_own_folder(tmp_path: Path) -> None:
    assert found(tmp_path, draft="auto") == (DEMO / "draft", None)
    assert found(tmp_path) == (None, None)


@pytest.mark.parametrize("drafts", [0, 2])
def test_auto_asks_for_none_where_it_is_not_clear_which(tmp_path: Path, drafts: int) -> None:
    model = tmp_path / "模型 one"
    shutil.copytree(DEMO, model, ignore=shutil.ignore_patterns("draft"))
    for number in range(drafts):
        shutil.copytree(DEMO / "draft", model / f"draft {number}")
    assert len(own_drafts(model)) == drafts
    assert found(tmp_path, model, draft="auto") == (None, None)
    assert read_facts(model).parameters == read_facts(DEMO).parameters


@pytest.mark.parametrize("assignment", [{"pipeline": "llm_pipeline"}, {}])
def test_auto_asks_for_none_where_none_can_work(tmp_path: Path, assignment: dict[str, Any]) -> None:
    device = CPU if assignment else NPU
    assert found(tmp_path, device=device, draft="auto", **assignment) == (None, None)


def test_a_model_of_this_machine_is_found_by_its_id(tmp_path: Path) -> None:
    shutil.copytree(DEMO / "draft", tmp_path / "models" / "org_small")
    assert found(tmp_path, draft="org/small") == (tmp_path / "models" / "org_small", None)


@pytest.mark.parametrize(
    ("model", "draft", "device", "assignment", "sentence"),
    [
        (DEMO, None, CPU, {}, "is not on this machine"),
        (DEMO, DEMO / "draft", NPU, {}, "temperature 0 only"),
        (DEMO, DEMO / "draft", CPU, {"pipeline": "llm_pipeline"}, "continuous_batching"),
        (DEMO, TINY / "test_chat", CPU, {}, "different vocabulary"),
        (DEMO, TINY / "test_embedding", CPU, {}, "is not a language model"),
        (TINY / "test_vision", DEMO / "draft", CPU, {}, "Only language models"),
    ],
    ids=["missing", "npu", "one at a time", "vocabulary", "kind", "vision"],
)
def test_what_cannot_work_is_refused_with_a_sentence(
    tmp_path: Path,
    model: Path,
    draft: Path | None,
    device: ResolvedDevice,
    assignment: dict[str, Any],
    sentence: str,
) -> None:
    if draft is not None:
        shutil.copytree(draft, tmp_path / "models" / "org_small")
    directory, problem = found(tmp_path, model, device, draft="org/small", **assignment)
    assert directory is None
    assert sentence in (problem or "")
    refused = replace(served(draft=False), draft_problem=problem)
    assert refused.problem == problem


def test_linear_attention_takes_no_draft_and_guesses_nothing(tmp_path: Path) -> None:
    facts = read_facts(DEMO)
    assert facts.kv is not None
    hybrid = replace(facts, kv=replace(facts.kv, state_elements=1000))
    shutil.copytree(DEMO / "draft", tmp_path / "models" / "org_small")
    entry = ModelAssignment(id="a/b", path=str(DEMO), draft="org/small", prompt_lookup=5)
    settings = DeviceSettings(port=1, device="CPU", models=[entry])
    draft, problem = find_draft(settings, entry, hybrid, DEMO, tmp_path, CPU)
    assert draft is None
    assert "linear attention" in (problem or "")
    model = ServedModel("a/b", "cpu-a/b", DEMO, hybrid, entry, CPU)
    assert load_message(model, plan_instance(model, MEMORY), None).prompt_lookup is None


def test_its_own_draft_is_refused(tmp_path: Path) -> None:
    _, problem = found(tmp_path, draft="a/b")
    assert "its own draft" in (problem or "")


def test_the_same_tokenizer_is_told_by_its_words(tmp_path: Path) -> None:
    assert not tokenizers_differ(DEMO, DEMO)
    assert tokenizers_differ(DEMO, TINY / "test_chat")


@pytest.mark.parametrize("max_concurrent", [1, 8])
def test_weights_and_kv_cache_of_all_that_is_loaded_are_priced(max_concurrent: int) -> None:
    plain, drafted = (plan_instance(served(draft, max_concurrent=max_concurrent), MEMORY) for draft in (False, True))
    draft = read_facts(DEMO / "draft")
    assert drafted.kv_cache_tokens == plain.kv_cache_tokens
    assert drafted.weight_bytes == pytest.approx(2 * plain.weight_bytes + 1.9 * draft.size_bytes, rel=0.01)
    assert drafted.kv_cache_bytes > plain.kv_cache_bytes
    message = load_message(served(True, max_concurrent=max_concurrent), drafted, None)
    assert message.draft is not None
    assert message.draft.tokens == 12
    assert load_message(served(False), plain, None).draft is None


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ('{"num_assistant_tokens": 3}', 3),
        ('{"num_assistant_tokens": 99}', 16),
        ('{"num_assistant_tokens": 0}', 5),
        ('{"num_assistant_tokens": true}', 5),
        ('{"num_assistant_tokens": "many"}', 5),
        ("{}", 5),
        ("[", 5),
        (None, 5),
    ],
)
def test_a_draft_may_say_how_many_tokens_it_predicts(tmp_path: Path, content: str | None, tokens: int) -> None:
    draft = tmp_path / "models" / "org_small"
    shutil.copytree(DEMO / "draft", draft, ignore=shutil.ignore_patterns("generation_config.json"))
    if content is not None:
        (draft / "generation_config.json").write_text(content, encoding="utf-8")
    for chosen in (None, 7):
        entry = ModelAssignment(id="a/b", path=str(DEMO), draft="org/small", num_assistant_tokens=chosen)
        settings = DeviceSettings(port=1, device="CPU", models=[entry])
        model, _ = find_draft(settings, entry, read_facts(DEMO), DEMO, tmp_path, CPU)
        assert model is not None
        assert model.tokens == (chosen or tokens)


def head(folder: Path, kind: str) -> Path:
    """The demo's draft, marked as the exporter marks a head."""
    shutil.copytree(DEMO / "draft", folder)
    xml = folder / "openvino_model.xml"
    text, marks = re.subn(
        r"(<rt_info>)(?!.*<rt_info>)", rf'\1<{kind}_mode value="True" />', xml.read_text("utf-8"), flags=re.S
    )
    assert marks == 1
    xml.write_text(text, "utf-8")
    return folder


def test_an_eagle3_head_drafts_but_answers_nothing_by_itself(tmp_path: Path) -> None:
    directory = head(tmp_path / "models" / "org_head", "eagle3")
    facts = read_facts(directory)
    assert (facts.kind, facts.state, "draft" in (facts.problem or "")) == ("eagle3", "unsupported", True)
    assert facts.kv is not None
    assert found(tmp_path, draft="org/head") == (directory, None)
    (directory / "openvino_model.bin").write_bytes(b"")
    draft, problem = found(tmp_path, draft="org/head")
    assert draft is None
    assert "cannot be used" in (problem or "")


def test_a_dflash_head_is_refused(tmp_path: Path) -> None:
    head(tmp_path / "models" / "org_head", "dflash")
    draft, problem = found(tmp_path, draft="org/head")
    assert draft is None
    assert "DFlash heads are not supported" in (problem or "")

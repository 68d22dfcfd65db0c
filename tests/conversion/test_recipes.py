"""What a source is taken for, and how it is exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.architectures import ARCHITECTURES, CODE_IN_REPOSITORY
from conversion.checks import licence_note, reckon
from conversion.errors import NeedsRemoteCode, NotConvertible
from conversion.recipes import DEVICES, WEIGHTS, TargetDevice, Weights, choose_recipe
from conversion.source import ModelSource, read_source
from model_files.quantization import Compression

MODULES = json.dumps([{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}])
DENSE = json.dumps([{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}])


def source_of(directory: Path, tag: str | None = None, trust: bool = False, **files: str) -> ModelSource:
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return read_source(directory, pipeline_tag=tag, trust_remote_code=trust)


@pytest.mark.parametrize(
    ("config", "tag", "files", "task"),
    [
        ({"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}, None, {}, "text"),
        ({"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}, None, {}, "text"),
        ({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}, "text-ranking", {}, "text"),
        ({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}, None, {"modules__json": MODULES}, "embedding"),
        ({"architectures": ["BertModel"], "model_type": "bert"}, None, {}, "embedding"),
        ({"architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta"}, "sentence-similarity", {}, "embedding"),
        (
            {
                "architectures": ["XLMRobertaForSequenceClassification"],
                "model_type": "xlm-roberta",
                "id2label": {"0": ""},
            },
            "text-ranking",
            {},
            "reranker",
        ),
        ({"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper"}, None, {}, "speech"),
        ({"architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl"}, None, {}, "vision"),
        ({"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava"}, None, {}, "vision"),
    ],
)
def test_the_task_is_read_from_the_files(
    tmp_path: Path, config: dict[str, Any], tag: str | None, files: dict[str, str], task: str
) -> None:
    assert source_of(tmp_path, tag, trust=False, config__json=json.dumps(config), **files).task == task


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"config__json": "[]"},
        {"config__json": "{"},
        {"config__json": "{}"},
        {"config__json": '{"model_type": "llama", "architectures": ["LlamaForTokenClassification"]}'},
        {"config__json": '{"model_type": "bert", "architectures": ["BertForSequenceClassification"]}'},
        {"config__json": '{"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}'},
        {"config__json": '{"model_type": "x", "architectures": ["XForCausalLM"], "auto_map": {}}'},
        {"model_index__json": "{}", "config__json": '{"model_type": "llama"}'},
        {"adapter_config__json": "{}"},
    ],
)
def test_what_nobody_can_convert_is_refused_with_a_sentence(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(NotConvertible, match=r"\w+ \w+"):
        source_of(tmp_path, trust=True, **files)


@pytest.mark.parametrize("model_type", sorted(CODE_IN_REPOSITORY & ARCHITECTURES["text"]))
def test_code_of_the_repository_is_run_only_if_allowed(tmp_path: Path, model_type: str) -> None:
    config = json.dumps({"architectures": ["OwnForCausalLM"], "model_type": model_type})
    with pytest.raises(NeedsRemoteCode, match="--trust-remote-code"):
        source_of(tmp_path, config__json=config)
    allowed = source_of(tmp_path, trust=True, config__json=config)
    assert "--trust-remote-code" in choose_recipe(allowed, "gpu", None).options


def test_allowing_code_is_not_running_it(tmp_path: Path) -> None:
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "auto_map": {"AutoModel": "x.Y"}}
    source = source_of(tmp_path, trust=True, config__json=json.dumps(config))
    assert "--trust-remote-code" not in choose_recipe(source, "gpu", None).options


SOURCES = st.builds(
    ModelSource,
    task=st.sampled_from(sorted(ARCHITECTURES)),
    model_type=st.just("any"),
    architecture=st.just("Any"),
    widths=st.lists(st.integers(1, 20_000), max_size=3).map(tuple),
    dense=st.booleans(),
)


@given(SOURCES, st.sampled_from(DEVICES), st.sampled_from([None, *WEIGHTS]))
def test_a_recipe_is_one_its_device_takes(source: ModelSource, device: TargetDevice, weights: Weights | None) -> None:
    try:
        recipe = choose_recipe(source, device, weights)
    except NotConvertible:
        assert device == "npu"
        return
    options = list(recipe.options)
    assert options[options.index("--weight-format") + 1] == recipe.weights == (weights or recipe.weights)
    if recipe.weights != "int4":
        assert "--group-size" not in options
        return
    group = int(options[options.index("--group-size") + 1])
    symmetric = "--sym" in options
    if device == "npu":
        assert (symmetric, group, recipe.suffix) == (True, -1, "int4-cw-ov")
        assert Compression("INT4_SYM", group, 1.0).npu_problem is None
    else:
        assert not symmetric
        assert group == -1 or all(width % group == 0 for width in source.widths)


def test_the_usual_model_is_cut_into_groups_of_128() -> None:
    source = ModelSource("text", "llama", "LlamaForCausalLM", widths=(4096, 14336))
    assert choose_recipe(source, "gpu", None).options[-4:] == ("--group-size", "128", "--ratio", "1.0")


@given(st.integers(1, 10**12), st.sampled_from(WEIGHTS))
def test_room_is_reckoned_for_everything(weights_bytes: int, weights: Weights) -> None:
    recipe = choose_recipe(ModelSource("text", "llama", "LlamaForCausalLM"), "gpu", weights)
    size = reckon(weights_bytes, recipe, download=weights_bytes, tools=5)
    assert size.disk >= weights_bytes + size.result + 5
    assert size.memory > weights_bytes
    assert reckon(weights_bytes, recipe, download=0, tools=0, merged=True).disk >= weights_bytes + size.result


def test_a_licence_is_told() -> None:
    assert "apache-2.0" in licence_note("apache-2.0")
    assert "does not allow" in licence_note("cc-by-nc-nd-4.0")
    assert "no licence" in licence_note(None)

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from memory.kv_cache import KvShape
from model_files.facts import ModelFacts
from model_files.model_config import read_chat_template
from model_files.model_facts import FactsCache, read_facts, runtime_problem
from tests.model_files.tiny_models import HIDDEN, VOCABULARY, add_tokenizer, language_model, make_llm, model

PARAMETERS = VOCABULARY * HIDDEN + HIDDEN * HIDDEN


def test_a_language_model(tmp_path: Path) -> None:
    directory = make_llm(tmp_path / "模型 a", rt_info={"mode": "int4_sym", "group_size": "128", "ratio": "1.0"})
    facts = read_facts(directory)
    assert facts.problem is None
    assert (facts.kind, facts.architecture, facts.context_length) == ("llm", "Qwen2ForCausalLM", 4096)
    assert facts.quantization == "INT4_SYM g128 r1.0"
    assert facts.npu_problem is None
    assert facts.parameters == PARAMETERS
    assert facts.kv == KvShape(2 * 64, 2 * 64, 2)
    assert facts.size_bytes == (directory / "openvino_model.bin").stat().st_size
    assert (facts.has_tokenizer, facts.chat_template, facts.tools, facts.thinking) == (True, True, True, False)
    assert facts.license == "apache-2.0"
    assert facts.runtime_version is not None
    assert facts.runtime_version.startswith("20")


@pytest.mark.parametrize(
    ("weights", "group", "zero_points", "quantization", "npu_says"),
    [
        ("i4", 128, False, "INT4_SYM g128", None),
        ("i4", -1, False, "INT4_SYM g-1", None),
        ("i4", 64, False, "INT4_SYM g64", "group size"),
        ("u4", 128, True, "INT4_ASYM g128", "symmetric int4"),
        ("i8", -1, False, "INT8_SYM", "INT8_SYM"),
        ("u8", -1, True, "INT8_ASYM", "symmetric int4"),
        ("f16", -1, False, "FP16", "symmetric int4"),
    ],
)
def test_compression_is_seen_without_notes_about_it(
    tmp_path: Path, weights: str, group: int, zero_points: bool, quantization: str, npu_says: str | None
) -> None:
    facts = read_facts(make_llm(tmp_path / "m", weights=weights, group=group, zero_points=zero_points))
    assert facts.quantization == quantization
    assert facts.parameters == PARAMETERS
    assert (facts.npu_problem is None) == (npu_says is None)
    assert npu_says is None or npu_says in (facts.npu_problem or "")


def test_a_partly_compressed_model_is_not_for_the_npu(tmp_path: Path) -> None:
    rt_info = {"mode": "int4_sym", "group_size": "-1", "ratio": "0.8"}
    facts = read_facts(make_llm(tmp_path / "m", rt_info=rt_info))
    assert facts.quantization == "INT4_SYM g-1 r0.8"
    assert "ratio" in (facts.npu_problem or "")


def test_the_states_of_linear_attention_are_told_from_the_cache(tmp_path: Path) -> None:
    directory = make_llm(tmp_path / "model")
    decoder = language_model("i4", 128, zero_points=False, rt_info={})
    start = ops.constant(np.zeros((1, 4, 16, 8), np.float32))
    state = ops.read_value(start, "cache_params.past.ssm.0", ov.Type.f32, ov.PartialShape([-1, 4, 16, 8]))
    logits = decoder.get_results()[0].input_value(0).get_node()
    ov.save_model(
        model([logits, state], decoder.get_parameters()), directory / "openvino_model.xml", compress_to_fp16=False
    )
    assert read_facts(directory).kv == KvShape(2 * 64, 2 * 64, 2, 4 * 16 * 8)


def test_a_loop_inside_a_model_is_read_past(tmp_path: Path) -> None:
    """As linear attention is exported (Qwen3.5): the loop has edges of its own, of another form."""
    directory = make_llm(tmp_path / "model")
    decoder = language_model("i4", 128, zero_points=False, rt_info={})
    logits = decoder.get_results()[0]
    carried = ops.parameter([-1, -1, -1], ov.Type.f32)
    body = model([ops.constant(True), ops.multiply(carried, ops.constant(0.5, ov.Type.f32))], [carried])
    loop = ops.loop(ops.constant(3), ops.constant(True))
    loop.set_function(body)
    loop.set_special_body_ports([-1, 0])
    loop.set_merged_input(carried, logits.input_value(0), body.get_results()[1].input_value(0))
    looped = loop.get_iter_value(body.get_results()[1].input_value(0), -1)
    decoder.remove_result(logits)
    decoder.add_results([ops.result(looped)])
    ov.save_model(decoder, directory / "openvino_model.xml", compress_to_fp16=False)
    assert "back_edges" in (directory / "openvino_model.xml").read_text(encoding="utf-8")
    plain, facts = read_facts(make_llm(tmp_path / "plain")), read_facts(directory)
    assert (facts.problem, facts.parameters, facts.kv) == (None, plain.parameters, plain.kv)


def test_a_truncated_weight_file_is_named(tmp_path: Path) -> None:
    directory = make_llm(tmp_path / "m")
    weights = directory / "openvino_model.bin"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "openvino_model.bin is cut short" in (read_facts(directory).problem or "")
    weights.unlink()
    assert "openvino_model.bin is missing" in (read_facts(directory).problem or "")


def test_a_vision_model_reads_its_inner_configuration(tmp_path: Path) -> None:
    directory = make_llm(tmp_path / "m", config={"text_config": {"max_position_embeddings": 8192}})
    for suffix in ("xml", "bin"):
        (directory / f"openvino_model.{suffix}").rename(directory / f"openvino_language_model.{suffix}")
    table = ops.constant(ov.Tensor(ov.Type.f32, ov.Shape([4, 4])))
    ov.save_model(model([table], []), directory / "openvino_text_embeddings_model.xml")
    facts = read_facts(directory)
    assert (facts.kind, facts.vision, facts.context_length) == ("vlm", True, 8192)


def test_kinds_by_their_files(tmp_path: Path) -> None:
    names = {
        "whisper": ["openvino_encoder_model.xml", "openvino_decoder_model.xml"],
        "tts": ["openvino_postnet.xml", "openvino_vocoder.xml"],
        "image": ["model_index.json"],
        "gguf": ["model-q4_0.gguf"],
        "unknown": ["notes.txt"],
    }
    for kind, files in names.items():
        directory = tmp_path / kind
        directory.mkdir()
        for name in files:
            (directory / name).write_text("<net/>" if name.endswith("xml") else "{}", encoding="utf-8")
        if kind == "whisper":
            (directory / "config.json").write_text('{"model_type": "whisper"}', encoding="utf-8")
        assert read_facts(directory).kind == kind


def test_an_encoder_is_an_embedding_model_or_a_reranker(tmp_path: Path) -> None:
    ids = ops.parameter([-1, -1], ov.Type.i64, name="input_ids")
    ov.save_model(model([ops.convert(ids, "f32")], [ids]), tmp_path / "openvino_model.xml")
    add_tokenizer(tmp_path)
    facts = read_facts(tmp_path)
    assert (facts.kind, facts.npu_problem) == ("embedding", None)
    config = {"architectures": ["BertForSequenceClassification"], "max_position_embeddings": 512, "num_labels": 1}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    facts = read_facts(tmp_path)
    assert (facts.kind, facts.context_length, facts.problem) == ("reranker", 512, None)


def test_other_formats_are_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    problem = read_facts(tmp_path).problem or ""
    assert "safetensors" in problem
    assert "main.py convert" in problem


def test_the_cache_of_keys_is_counted_from_the_configuration_when_the_ir_does_not_tell(tmp_path: Path) -> None:
    config = {"num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2, "hidden_size": 512}
    directory = make_llm(tmp_path / "m", config=config)
    xml = directory / "openvino_model.xml"
    xml.write_text(xml.read_text(encoding="utf-8").replace("variable_shape", "other"), encoding="utf-8")
    assert read_facts(directory).kv == KvShape(4 * 2 * 64, 4 * 2 * 64, 4 * 2)


BILLION_LAUGHS = '<?xml version="1.0"?><!DOCTYPE n [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><net>&b;</net>'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (BILLION_LAUGHS, "document type"),
        ("<net><layers>", "not complete XML"),
        ("<html/>", "not an OpenVINO IR"),
        ("<net><layers><layer/></layers></net>", "not a valid IR"),
        (
            '<net><layers><layer id="1" type="Const"><data shape="9999999999999,9999999999999" offset="0" size="1"/>'
            "</layer></layers></net>",
            "impossible size",
        ),
        ("", "not complete XML"),
    ],
)
def test_a_hostile_or_broken_xml_is_a_problem_and_no_exception(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "openvino_model.xml").write_text(content, encoding="utf-8")
    assert expected in (read_facts(tmp_path).problem or "")


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, '"text"'])
def test_a_broken_configuration_is_a_problem_and_no_exception(tmp_path: Path, content: str) -> None:
    directory = make_llm(tmp_path / "m")
    (directory / "config.json").write_text(content, encoding="utf-8")
    facts = read_facts(directory)
    assert "config.json" in (facts.problem or "")
    assert facts.kind == "llm"


def test_an_absent_configuration_is_no_problem(tmp_path: Path) -> None:
    directory = make_llm(tmp_path / "m")
    (directory / "config.json").unlink()
    facts = read_facts(directory)
    assert (facts.problem, facts.context_length, facts.architecture) == (None, None, None)


def test_an_absent_directory_or_tokenizer_is_said(tmp_path: Path) -> None:
    assert "does not exist" in (read_facts(tmp_path / "none").problem or "")
    facts = read_facts(make_llm(tmp_path / "m", tokenizer=False))
    assert "openvino_tokenizer.xml" in (facts.problem or "")
    assert not facts.has_tokenizer


def test_the_cache_holds_while_the_files_stay_the_same(tmp_path: Path) -> None:
    directory = make_llm(tmp_path / "m")
    cache: FactsCache = {}
    first = read_facts(directory, cache=cache)
    assert read_facts(directory, cache=cache) is first
    (directory / "config.json").write_text("{}", encoding="utf-8")
    assert read_facts(directory, cache=cache).context_length is None
    (directory / "openvino_model.bin").unlink()
    assert "missing" in (read_facts(directory, cache=cache).problem or "")
    assert "does not exist" in (read_facts(tmp_path / "none", cache=cache).problem or "")


def test_the_same_model_compressed_differently_has_the_same_parameters(tmp_path: Path) -> None:
    ov.save_model(language_model("u4", 64, True, {}), tmp_path / "openvino_model.xml")
    assert read_facts(tmp_path).parameters == PARAMETERS


def test_an_ir_newer_than_the_runtime_is_said() -> None:
    facts = ModelFacts(runtime_version="2026.4.1-22982-e213a147257-releases/2026/4")
    assert runtime_problem(facts, "2026.4.1") is None
    assert runtime_problem(facts, "2027.0.0") is None
    assert "newer than the 2025.3" in (runtime_problem(facts, "2025.3.0-19807") or "")
    assert runtime_problem(ModelFacts(runtime_version="custom build"), "2025.3.0") is None


@pytest.mark.parametrize(
    ("template", "config", "tools"),
    [
        ("{{ messages }}{{ tools }}<tool_call>", {}, True),
        ("{{ messages }}{{ tools }}", {"model_type": "qwen3"}, True),
        ("{{ messages }}{{ tools }}", {"model_type": "surprise"}, False),
        ("{{ messages }}{{ tools }}", {}, False),
        ("{{ messages }}", {"model_type": "qwen3"}, False),
    ],
)
def test_tools_are_promised_where_it_is_known_how_they_are_called(
    tmp_path: Path, template: str, config: dict[str, Any], tools: bool
) -> None:
    (tmp_path / "chat_template.jinja").write_text(template, encoding="utf-8")
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert read_chat_template(tmp_path, None).tools is tools

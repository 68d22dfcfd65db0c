"""How an embedding model is used is found in every layout that exports come in, and said where it is a guess."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model_files.embedding_facts import EmbeddingFacts
from model_files.model_facts import read_facts
from tests.model_files.tiny_models import make_encoder

POOLING = {"word_embedding_dimension": 32}
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
DENSE = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def embedding(directory: Path) -> EmbeddingFacts:
    facts = read_facts(directory)
    assert (facts.kind, facts.problem) == ("embedding", None)
    assert facts.embedding is not None
    return facts.embedding


@pytest.mark.parametrize(
    ("settings", "pooling"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode_lasttoken": True}, "last_token"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean"),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": "lasttoken"}, "last_token"),
        ({"pooling_mode": ["mean"]}, "mean"),
        ({}, "mean"),
    ],
)
def test_the_pooling_module_decides_wherever_it_lies(tmp_path: Path, settings: dict[str, Any], pooling: str) -> None:
    plain = make_encoder(tmp_path / "BAAI_bge-m3")  # the name would say another thing
    write(plain / "1_Pooling" / "config.json", POOLING | settings)
    assert (embedding(plain).pooling, embedding(plain).source, embedding(plain).guessed) == (
        pooling,
        "1_Pooling",
        False,
    )
    elsewhere = make_encoder(tmp_path / "other")
    write(elsewhere / "modules.json", [MODULES[0], MODULES[1] | {"path": "3_Pooling"}])
    write(elsewhere / "3_Pooling" / "config.json", POOLING | settings)
    assert (embedding(elsewhere).pooling, embedding(elsewhere).source) == (pooling, "modules.json")


@pytest.mark.parametrize("settings", [{"pooling_mode_max_tokens": True}, {"pooling_mode": ["cls", "mean"]}])
def test_a_pooling_that_the_library_has_not_is_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    directory = make_encoder(tmp_path / "m")
    write(directory / "1_Pooling" / "config.json", POOLING | settings)
    assert "none that OpenVINO GenAI has" in (read_facts(directory).problem or "")


@pytest.mark.parametrize(
    ("name", "pooling", "query"),
    [
        ("OpenVINO_bge-base-en-v1.5-int8-ov", "cls", "Represent this sentence for searching relevant passages: "),
        ("OpenVINO_Qwen3-Embedding-0.6B-int8-ov", "last_token", "Instruct: "),
        ("intfloat_multilingual-e5-large", "mean", "query: "),
        ("all-MiniLM-L6-v2-ov", "mean", ""),
        ("Snowflake_snowflake-arctic-embed-l-v2.0", "cls", "query: "),
    ],
)
def test_a_plain_export_is_known_by_its_name(tmp_path: Path, name: str, pooling: str, query: str) -> None:
    facts = embedding(make_encoder(tmp_path / name))
    assert (facts.pooling, facts.source, facts.guessed) == (pooling, "name", False)
    assert facts.prefix("query").startswith(query)
    assert facts.prefix(None) == ""


@pytest.mark.parametrize("where", ["metadata.json", "config.json", "README.md"])
def test_a_renamed_folder_still_tells_what_it_was_made_of(tmp_path: Path, where: str) -> None:
    directory = make_encoder(tmp_path / "mine")
    if where == "metadata.json":
        write(directory / where, {"model_id": "BAAI/bge-small-en-v1.5"})
    elif where == "config.json":
        write(directory / where, {"_name_or_path": "BAAI/bge-small-en-v1.5", "architectures": ["BertModel"]})
    else:
        text = "---\nlicense: mit\nbase_model:\n- BAAI/bge-small-en-v1.5\ntags:\n- x\n---\n"
        (directory / where).write_text(text, encoding="utf-8")
    assert (embedding(directory).pooling, embedding(directory).source) == ("cls", "name")


@pytest.mark.parametrize(
    ("architecture", "pooling"),
    [("BertModel", "mean"), ("XLMRobertaModel", "mean"), ("Qwen2Model", "last_token"), ("MistralModel", "last_token")],
)
def test_a_guess_is_called_one(tmp_path: Path, architecture: str, pooling: str) -> None:
    facts = embedding(make_encoder(tmp_path / "mine", architecture=architecture))
    assert (facts.pooling, facts.source, facts.guessed) == (pooling, "architecture", True)


def test_a_graph_that_ends_in_a_vector_needs_no_pooling(tmp_path: Path) -> None:
    facts = embedding(make_encoder(tmp_path / "m", sentence_output=True))
    assert (facts.pooling, facts.source) == (None, "output")


@pytest.mark.parametrize("by_name", [False, True])
def test_a_dense_layer_that_was_left_out_is_refused(tmp_path: Path, by_name: bool) -> None:
    directory = make_encoder(tmp_path / ("LaBSE" if by_name else "m"))
    if not by_name:
        write(directory / "modules.json", [*MODULES, DENSE])
        write(directory / "1_Pooling" / "config.json", POOLING | {"pooling_mode_mean_tokens": True})
    assert "dense layer" in (read_facts(directory).problem or "")
    whole = make_encoder(tmp_path / "whole", sentence_output=True)
    write(whole / "modules.json", [*MODULES, DENSE])
    assert embedding(whole).pooling is None


def test_the_length_at_which_the_original_cuts_is_kept(tmp_path: Path) -> None:
    directory = make_encoder(tmp_path / "m")
    assert read_facts(directory).context_length == 512
    write(directory / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False})
    assert read_facts(directory).context_length == 128
    write(directory / "sentence_bert_config.json", {"max_seq_length": None})
    assert read_facts(directory).context_length == 512
    assert read_facts(make_encoder(tmp_path / "all-MiniLM-L6-v2")).context_length == 256


def test_prompts_of_sentence_transformers_go_before_those_of_the_name(tmp_path: Path) -> None:
    directory = make_encoder(tmp_path / "e5-small")
    assert (embedding(directory).query, embedding(directory).document) == ("query: ", "passage: ")
    prompts = {"query": "Q: ", "passage": "P: ", "clustering": "C: "}
    write(directory / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": "clustering"})
    facts = embedding(directory)
    assert [facts.prefix("query"), facts.prefix("document"), facts.prefix(None)] == ["Q: ", "P: ", "C: "]


@pytest.mark.parametrize("file", ["modules.json", "1_Pooling/config.json", "config_sentence_transformers.json"])
@pytest.mark.parametrize("content", ["{", "7", '"x"'])
def test_broken_files_are_a_problem_and_no_exception(tmp_path: Path, file: str, content: str) -> None:
    directory = make_encoder(tmp_path / "m")
    (directory / file).parent.mkdir(exist_ok=True)
    (directory / file).write_text(content, encoding="utf-8")
    facts = read_facts(directory)
    assert (
        facts.problem is None if (file, content) in {("modules.json", "7"), ("modules.json", '"x"')} else facts.problem
    )
    shutil.rmtree(directory)

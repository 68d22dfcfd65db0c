"""What a folder of safetensors holds, by its small files, and what it is for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conversion.architectures import ARCHITECTURES, CODE_IN_REPOSITORY, ConversionTask, normalized
from conversion.errors import NeedsRemoteCode, NotConvertible
from model_files.model_config import read_json
from notices import Notice

_EMBEDDING_TAGS = ("feature-extraction", "sentence-similarity")
_RERANKER_TAGS = ("text-ranking",)
_HIDDEN = ("hidden_size", "n_embd", "d_model", "dim")
_INNER = ("intermediate_size", "n_inner", "ffn_dim", "moe_intermediate_size")


@dataclass(frozen=True)
class ModelSource:
    """`widths`: the input sizes of the matrices, as far as config.json tells. `dense`: an embedding model that ends in
    a further layer (sentence-transformers' Dense). `needs_code`: transformers cannot load it without code from its
    repository."""

    task: ConversionTask
    model_type: str
    architecture: str
    widths: tuple[int, ...] = ()
    dense: bool = False
    needs_code: bool = False


def read_source(directory: Path, *, pipeline_tag: str | None = None, trust_remote_code: bool = False) -> ModelSource:
    """`directory` holds config.json and the small files beside it. `pipeline_tag`: the task, as the hub names it.

    Raises NotConvertible, NeedsRemoteCode.
    """
    config = _config(directory)
    model_type = normalized(str(config.get("model_type") or ""))
    architecture = _architecture(config) or model_type
    modules = _modules(directory)
    task = _task(config, model_type, architecture, bool(modules), pipeline_tag or "")
    if task is None or model_type not in ARCHITECTURES[task]:
        raise NotConvertible(Notice("notices.architecture_not_convertible", architecture=architecture or "?"))
    needs_code = model_type in CODE_IN_REPOSITORY
    if needs_code and not trust_remote_code:
        raise NeedsRemoteCode(Notice("notices.needs_remote_code", architecture=architecture))
    dense = any(name.endswith(".Dense") for name in modules)
    return ModelSource(task, model_type, architecture, _widths(config), dense, needs_code)


def _config(directory: Path) -> dict[str, Any]:
    if (directory / "model_index.json").is_file():
        raise NotConvertible(Notice("notices.image_models_not_converted"))
    if (directory / "adapter_config.json").is_file() and not (directory / "config.json").is_file():
        raise NotConvertible(Notice("notices.adapter_alone_not_converted"))
    try:
        return read_json(directory / "config.json")
    except (OSError, ValueError) as error:
        raise NotConvertible(Notice("notices.no_config_to_convert", error=error)) from error


def _architecture(config: Mapping[str, Any]) -> str:
    names = config.get("architectures")
    return names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""


def _modules(directory: Path) -> tuple[str, ...]:
    """The classes in sentence-transformers' modules.json."""
    try:
        entries = json.loads((directory / "modules.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return ()
    return tuple(str(entry.get("type", "")) for entry in entries if isinstance(entry, dict))


def _task(
    config: Mapping[str, Any], model_type: str, architecture: str, sentence_transformer: bool, pipeline_tag: str
) -> ConversionTask | None:
    if model_type in ARCHITECTURES["speech"]:
        return "speech"
    if architecture.endswith("ForSequenceClassification"):
        return _classifier(config, architecture)
    if sentence_transformer or pipeline_tag in _EMBEDDING_TAGS:
        return "embedding"
    if model_type in ARCHITECTURES["vision"] and "ForCausalLM" not in architecture.replace("ForConditional", ""):
        return "vision"
    if model_type in ARCHITECTURES["vision"] - ARCHITECTURES["text"]:
        return "vision"
    if re.search(r"ForCausalLM|LMHead", architecture) or pipeline_tag in ("text-generation", *_RERANKER_TAGS):
        return "text"
    return "embedding" if architecture.endswith("Model") and model_type in ARCHITECTURES["embedding"] else None


def _classifier(config: Mapping[str, Any], architecture: str) -> ConversionTask:
    """One label is a score. Raises NotConvertible."""
    labels = config.get("id2label")
    count = len(labels) if isinstance(labels, dict) else config.get("num_labels", 2)
    if count != 1:
        raise NotConvertible(Notice("notices.kind_classifier", count=str(count)))
    return "reranker"


def _widths(config: Mapping[str, Any]) -> tuple[int, ...]:
    inner = (config.get(key) for key in ("text_config", "llm_config"))
    text = next((each for each in inner if isinstance(each, dict)), config)
    heads, head = text.get("num_attention_heads"), text.get("head_dim")
    found = [text[name] for name in (*_HIDDEN, *_INNER) if isinstance(text.get(name), int)]
    if isinstance(heads, int) and isinstance(head, int):
        found.append(heads * head)
    return tuple(width for width in found if width > 0)

"""What the JSON, template and card files beside the weights say about a model."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from configuration.sampling import SamplingParams
from memory.kv_cache import KvShape
from model_files.tool_call_families import find_family, model_type
from notices import Notice

MAX_JSON_BYTES = 32 * 1024 * 1024
_MAX_CARD_BYTES = 256 * 1024
_THINKING = (
    "enable_thinking", "<think>", "reasoning_content", "[THINK]", "<seed:think>", "<|START_THINKING|>",
    "<|inner_prefix|>", "<|think|>", "assistant to=self", "[BEGIN FINAL RESPONSE]", "<|channel|>analysis",
)  # fmt: skip
_DEFAULT_TEMPLATE = "default"
_RECURRENT_LAYERS = ("linear", "mamba", "conv", "recurrent", "ssm")


@dataclass(frozen=True)
class ModelConfig:
    """config.json, reduced. kv: what a token adds to the cache. labels: of a classifier; transformers leaves it out
    where it is 2."""

    architecture: str | None = None
    model_type: str = ""
    labels: int | None = None
    context_length: int | None = None
    kv: KvShape | None = None


@dataclass(frozen=True)
class ChatTemplateFile:
    text: str = ""
    present: bool = False
    tools: bool = False
    thinking: bool = False


def sampling_defaults(directory: Path) -> SamplingParams:
    """How a model chooses tokens when nothing else says: as in generation_config.json, without which the engine is
    greedy."""
    try:
        values = read_json(directory / "generation_config.json")
    except (OSError, ValueError):
        values = {}
    temperature, top_p = (
        float(value) if isinstance(value, int | float) else 1.0
        for value in (values.get("temperature"), values.get("top_p"))
    )
    return SamplingParams(
        temperature=temperature if values.get("do_sample") is True else 0.0,
        top_p=top_p,
        presence_penalty=0.0,
        frequency_penalty=0.0,
    )


def read_json(path: Path, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """A JSON object from a file. Raises OSError, ValueError (with a sentence)."""
    if path.stat().st_size > max_bytes:
        raise ValueError(f"{path.name} is larger than {max_bytes >> 20} MiB")
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(Notice("notices.json_invalid", file=path.name, error=error)) from error
    if not isinstance(value, dict):
        raise ValueError(Notice("notices.json_no_object", file=path.name))
    return value


def read_config(directory: Path) -> ModelConfig:
    """Read config.json; an absent file gives an empty ModelConfig. Raises OSError, ValueError."""
    path = directory / "config.json"
    if not path.is_file():
        return ModelConfig()
    config = read_json(path)
    architectures = config.get("architectures")
    architecture = architectures[0] if isinstance(architectures, list) and architectures else config.get("model_type")
    text = next((config[key] for key in ("text_config", "llm_config") if isinstance(config.get(key), dict)), config)
    return ModelConfig(
        architecture=architecture if isinstance(architecture, str) else None,
        model_type=str(config.get("model_type") or ""),
        labels=_labels(config),
        context_length=_context_length(text, str(architecture)),
        kv=_kv_shape(text),
    )


def _labels(config: dict[str, Any]) -> int | None:
    names = config.get("id2label")
    return len(names) if isinstance(names, dict) and names else _number(config, "num_labels")


def _context_length(config: dict[str, Any], architecture: str) -> int | None:
    length = _number(config, "max_position_embeddings", "n_positions", "seq_length", "max_seq_len")
    if length is not None and "Roberta" in architecture:
        # That family counts positions from after the padding token's id.
        padding = config.get("pad_token_id")
        return length - (padding if isinstance(padding, int) else 1) - 1
    return length


def read_chat_template(directory: Path, tokenizer_template: str | None) -> ChatTemplateFile:
    """The template from its files, else the one inside openvino_tokenizer.xml, with what its text promises."""
    named = {_DEFAULT_TEMPLATE: tokenizer_template or ""}
    for name in ("tokenizer_config.json", "processor_config.json", "chat_template.json"):
        named = _templates_in(directory / name) or named
    template_file = directory / "chat_template.jinja"
    if template_file.is_file() and template_file.stat().st_size <= MAX_JSON_BYTES:
        text = template_file.read_text(encoding="utf-8", errors="replace")
        named = {_DEFAULT_TEMPLATE: text} if text else named
    promises = template_promises("\n".join(named.values()), _model_type(directory))
    return replace(promises, text=named.get(_DEFAULT_TEMPLATE) or next(iter(named.values())))


def template_promises(text: str, kind: str = "") -> ChatTemplateFile:
    """What a chat template can do, by the names that stand in it. Tools take more than that they are shown: it must be
    known how the model calls them, by the template or by `kind`, the `model_type` of config.json."""
    shows_tools = re.search(r"\btools\b", text) is not None
    return ChatTemplateFile(
        text=text,
        present=bool(text.strip()),
        tools=shows_tools and find_family(text, kind) is not None,
        thinking=any(mark in text for mark in _THINKING),
    )


def read_license(directory: Path) -> str | None:
    """The `license` (or `license_name`) of the front matter of README.md."""
    fields = front_matter(directory)
    license_id = fields.get("license")
    return fields.get("license_name", license_id) if license_id == "other" else license_id


def front_matter(directory: Path) -> dict[str, str]:
    """The plain `key: value` lines at the head of README.md; of a list its items, separated by blanks."""
    path = directory / "README.md"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", errors="replace") as file:
        text = file.read(_MAX_CARD_BYTES)
    front = re.match(r"---\s*\n(.*?)\n---", text.lstrip("\ufeff"), re.DOTALL)
    if not front:
        return {}
    fields = dict(re.findall(r"^(\w+):[ \t]*[\"']?([^\"'\s]+)", front[1], re.MULTILINE))
    for key, items in re.findall(r"^(\w+):[ \t]*\n((?:[ \t]*- .*\n?)+)", front[1] + "\n", re.MULTILINE):
        fields[key] = " ".join(re.findall(r"- *[\"']?([^\"'\s]+)", items))
    return fields


def _templates_in(path: Path) -> dict[str, str]:
    """By name; one alone is the default."""
    if not path.is_file():
        return {}
    try:
        template = read_json(path).get("chat_template")
    except (OSError, ValueError):
        return {}
    if isinstance(template, list):  # several named templates: {"name": "default", "template": …}
        named = {str(entry.get("name")): entry.get("template") for entry in template if isinstance(entry, dict)}
        return {name: text for name, text in named.items() if isinstance(text, str) and text}
    return {_DEFAULT_TEMPLATE: template} if isinstance(template, str) and template else {}


def _model_type(directory: Path) -> str:
    try:
        return model_type(read_json(directory / "config.json"))
    except (OSError, ValueError):
        return ""


def _number(config: dict[str, Any], *names: str) -> int | None:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _kv_shape(config: dict[str, Any]) -> KvShape | None:
    layers = _attention_layers(config)
    heads = _number(config, "num_attention_heads", "n_head", "num_heads")
    hidden = _number(config, "hidden_size", "n_embd", "d_model")
    if layers is None or heads is None:
        return None
    if _number(config, "kv_lora_rank") and (value_dim := _number(config, "v_head_dim")):
        key_dim = (_number(config, "qk_nope_head_dim") or 0) + (_number(config, "qk_rope_head_dim") or 0)
        return KvShape(layers * heads * key_dim, layers * heads * value_dim, layers * heads)
    head_dim = _number(config, "head_dim", "kv_channels") or (hidden // heads if hidden else None)
    kv_heads = _number(config, "num_key_value_heads", "multi_query_group_num", "num_kv_heads") or heads
    elements = layers * kv_heads * head_dim if head_dim else None
    return KvShape(elements, elements, layers * kv_heads) if elements else None


def _attention_layers(config: dict[str, Any]) -> int | None:
    """Layers that keep keys and values: all, less the recurrent ones of a hybrid model."""
    kinds = config.get("layer_types")
    if isinstance(kinds, list) and kinds:
        return sum(not any(word in str(kind) for word in _RECURRENT_LAYERS) for kind in kinds)
    layers = _number(config, "num_hidden_layers", "n_layer", "num_layers")
    interval = _number(config, "full_attention_interval")
    return layers // interval if layers and interval else layers

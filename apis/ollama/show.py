"""POST /api/show: what a model is, from its own files."""

import asyncio
import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request

from apis.model_names import ModelNames
from apis.ollama.answers import ERRORS, OllamaShownModel
from apis.ollama.listing import capabilities, details, modified_at
from apis.ollama.pull import NamedRequest
from model_files.gguf import read_gguf_template
from model_files.known_embedders import Pooling
from model_files.model_config import read_chat_template, read_json
from model_manager import ModelManager
from pools.served_model import ServedModel
from web.bodies import read_body
from web.openapi import answer, body_schema

_LICENSE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENSE.TXT")
_MAX_LICENSE_CHARACTERS = 100_000
# Ollama's names for keys of config.json.
_ARCHITECTURE_KEYS = {
    "hidden_size": "embedding_length",
    "num_hidden_layers": "block_count",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "vocab_size": "vocab_size",
}
# Numbers of GGUF's key of that name.
_POOLING_TYPES: dict[Pooling, int] = {"mean": 1, "cls": 2, "last_token": 3}
# Ollama's names for our options.
_PARAMETER_NAMES = {"max_tokens": "num_predict", "repetition_penalty": "repeat_penalty"}
_GENERATION_KEYS = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")


class ShowRequest(NamedRequest):
    """POST /api/show. `verbose` changes nothing: no list here is long enough to be left out."""

    verbose: bool | None = None


def show_routes(manager: ModelManager, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["Ollama"], responses=ERRORS)

    @router.post("/api/show", openapi_extra=body_schema(ShowRequest), responses=answer(OllamaShownModel))
    async def show(request: Request) -> dict[str, Any]:
        body = await read_body(request, ShowRequest)
        model = names.resolve(body.asked)
        return await asyncio.to_thread(describe, model, manager.max_request_tokens(model.id))

    return router


def describe(model: ServedModel, context_tokens: int) -> dict[str, Any]:
    """The answer about a model. `context_tokens`: what a request to it may have, 0 where that is not known."""
    model_defaults = model.model_defaults
    template = model_defaults.template or _template(model)
    parameters = _parameters(model)
    return {
        "license": _license(model),
        "modelfile": _modelfile(model, parameters),
        "parameters": "\n".join(f"{name:<30} {json.dumps(value)}" for name, value in parameters),
        "template": template,
        "system": model_defaults.system or "",
        "details": details(model),
        "messages": [],
        "model_info": _model_info(model, context_tokens),
        "capabilities": capabilities(model),
        "modified_at": modified_at(model),
        "device": model.device.used,
        "fallback_reason": model.device.fallback_reason,
        "warnings": list(model.warnings),
    }


def _model_info(model: ServedModel, context_tokens: int) -> dict[str, Any]:
    config = _json(model.directory / "config.json")
    text = next((config[key] for key in ("text_config", "llm_config") if isinstance(config.get(key), dict)), config)
    architecture = str(config.get("model_type") or model.facts.architecture or model.facts.kind)
    information: dict[str, Any] = {
        "general.architecture": architecture,
        "general.basename": model.public_id.rpartition("/")[2],
        "general.parameter_count": model.facts.parameters or 0,
        "general.file_type": model.facts.quantization or "unknown",
        "general.license": model.facts.license or "unknown",
        # What a request may really have here, which can be less than what the model was made for.
        f"{architecture}.context_length": context_tokens or model.context_tokens,
    }
    if model.task == "embedding" and model.pooling is not None:
        information[f"{architecture}.pooling_type"] = _POOLING_TYPES[model.pooling]
    for theirs, ours in _ARCHITECTURE_KEYS.items():
        if isinstance(text.get(theirs), int):
            information[f"{architecture}.{ours}"] = text[theirs]
    return information


def _parameters(model: ServedModel) -> list[tuple[str, Any]]:
    """The model's defaults, over them the persona's; `stop` once for each string."""
    defaults = _json(model.directory / "generation_config.json")
    values = {key: defaults[key] for key in _GENERATION_KEYS if isinstance(defaults.get(key), int | float)}
    values |= model.model_defaults.sampling.given()
    listed: list[tuple[str, Any]] = []
    for name, value in values.items():
        each = value if isinstance(value, list | tuple) else [value]
        listed += [(_PARAMETER_NAMES.get(name, name), item) for item in each]
    return listed


def _modelfile(model: ServedModel, parameters: list[tuple[str, Any]]) -> str:
    lines = [f"FROM {model.id}"]
    if model.model_defaults.template:
        lines.append(f'TEMPLATE """{model.model_defaults.template}"""')
    if model.model_defaults.system:
        lines.append(f'SYSTEM """{model.model_defaults.system}"""')
    return "\n".join([*lines, *(f"PARAMETER {name} {json.dumps(value)}" for name, value in parameters)]) + "\n"


def _license(model: ServedModel) -> str:
    for name in _LICENSE_FILES:
        path = model.directory / name
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as stream:
                return stream.read(_MAX_LICENSE_CHARACTERS)
    return model.facts.license or ""


def _template(model: ServedModel) -> str:
    if model.facts.kind == "gguf":
        return read_gguf_template(model.directory)
    return read_chat_template(model.directory, None).text


def _json(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}

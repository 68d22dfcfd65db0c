"""What Ollama's clients ask about the server and its models: /, /api/version, /api/tags, /api/ps."""

import datetime
import re
from typing import Any

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from apis.model_names import ModelNames
from apis.ollama.answers import ERRORS, OllamaTags, RunningModels, Version
from apis.ollama.digests import Digests
from apis.ollama.version import API_VERSION
from model_files.model_config import template_promises
from model_manager import ModelManager
from pools.loaded_instance import LoadedInstance
from pools.pool import ModelPool
from pools.served_model import ServedModel
from web.openapi import answer

_FOR_EVER = datetime.timedelta(days=365 * 100)


def listing_routes(manager: ModelManager, names: ModelNames, digests: Digests) -> APIRouter:
    router = APIRouter(tags=["Ollama"], responses=ERRORS)

    @router.get("/", response_class=PlainTextResponse)
    @router.head("/")
    async def root() -> PlainTextResponse:
        return PlainTextResponse("Ollama is running")

    @router.get("/api/version", responses=answer(Version))
    @router.head("/api/version")
    async def version() -> dict[str, str]:
        return {"version": API_VERSION}

    @router.get("/api/tags", responses=answer(OllamaTags))
    @router.head("/api/tags")
    async def tags() -> dict[str, Any]:
        return {"models": [_tag(model, digests) for model in names.listed()]}

    @router.get("/api/ps", responses=answer(RunningModels))
    async def running() -> dict[str, Any]:
        pools = [pool for pool in manager.pools.values() if pool.loaded_instances]
        entries = [_running(pool, manager, digests) for pool in pools]
        return {"models": sorted(entries, key=lambda entry: entry["expires_at"], reverse=True)}

    return router


def _tag(model: ServedModel, digests: Digests) -> dict[str, Any]:
    return {
        "name": model.public_id,
        "model": model.public_id,
        "modified_at": modified_at(model),
        "size": model.facts.size_bytes,
        "digest": digests.digest(model),
        "details": details(model),
        "capabilities": capabilities(model),
        "device": model.device.used,
        "fallback_reason": model.device.fallback_reason,
    }


def modified_at(model: ServedModel) -> str:
    """When the model's directory last changed, in UTC; the epoch for one that is gone."""
    try:
        seconds = model.directory.stat().st_mtime
    except OSError:
        seconds = 0
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat()


def capabilities(model: ServedModel) -> list[str]:
    """What Ollama's clients go by when they offer a model for something."""
    facts = model.facts
    if model.task != "generation":
        return [model.task]
    tools = facts.tools
    if model.model_defaults.template is not None:
        tools = template_promises(model.model_defaults.template, (facts.architecture or "").lower()).tools
    tools = tools or model.assignment.tool_dialect is not None
    return ["completion"] + ["tools"] * tools + ["vision"] * facts.vision + ["thinking"] * facts.thinking


def _running(pool: ModelPool, manager: ModelManager, digests: Digests) -> dict[str, Any]:
    model = pool.model
    memory = sum(manager.budget.size(loaded.instance) for loaded in pool.loaded_instances)
    on_cpu = model.device.used.startswith("CPU")
    return {
        "name": model.public_id,
        "model": model.public_id,
        "size": memory,
        "digest": digests.digest(model),
        "details": details(model),
        "expires_at": _expiry(pool, manager).isoformat(),
        "size_vram": 0 if on_cpu else memory,
        "context_length": manager.max_request_tokens(model.id),
        "device": model.device.used,
        "fallback_reason": model.device.fallback_reason,
    }


def _expiry(pool: ModelPool, manager: ModelManager) -> datetime.datetime:
    now = datetime.datetime.now(datetime.timezone.utc)
    left = max(_seconds_left(loaded, manager.clock()) for loaded in pool.loaded_instances)
    return now + min(_FOR_EVER, datetime.timedelta(seconds=left))


def _seconds_left(loaded: LoadedInstance, now: float) -> float:
    longest = _FOR_EVER.total_seconds()
    if not 0 <= loaded.keep_alive < longest:
        return longest
    idle = 0.0 if loaded.active else now - loaded.idle_since
    return max(0.0, loaded.keep_alive - idle)


def _family(architecture: str) -> str:
    """The model family in a class name of Transformers: "qwen2" of "Qwen2ForCausalLM"."""
    return re.sub(r"(For[A-Z]\w*|LMHeadModel|Model)$", "", architecture).lower()


def details(model: ServedModel) -> dict[str, Any]:
    """The `details` of a model in Ollama's lists."""
    facts = model.facts
    family = _family(facts.architecture) if facts.architecture else facts.kind
    billions = f"{facts.parameters / 1e9:.1f}B" if facts.parameters and facts.parameters >= 1e9 else None
    return {
        "parent_model": model.id if model.is_alias else "",
        "format": "gguf" if facts.kind == "gguf" else "openvino",
        "family": family,
        "families": [family],
        "parameter_size": billions or f"{(facts.parameters or 0) / 1e6:.1f}M",
        "quantization_level": facts.quantization or "unknown",
        "context_length": model.context_tokens,
    }

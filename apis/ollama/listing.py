"""What Ollama's clients ask about the server and its models: /, /api/version, /api/tags, /api/ps."""

import datetime
import hashlib
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from apis.model_names import ModelNames
from model_manager import ModelManager
from pools.pool import ModelPool
from pools.served_model import ServedModel

# The version of Ollama's API that this server follows; clients such as GitHub Copilot refuse old ones.
API_VERSION = "0.18.3"
_FOR_EVER = datetime.timedelta(days=365 * 100)


def listing_routes(manager: ModelManager, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["Ollama"])

    @router.api_route("/", methods=["GET", "HEAD"])
    async def root() -> PlainTextResponse:
        return PlainTextResponse("Ollama is running")

    @router.api_route("/api/version", methods=["GET", "HEAD"])
    async def version() -> dict[str, str]:
        return {"version": API_VERSION}

    @router.api_route("/api/tags", methods=["GET", "HEAD"])
    async def tags() -> dict[str, Any]:
        return {"models": [_tag(model) for model in names.models.values()]}

    @router.get("/api/ps")
    async def running() -> dict[str, Any]:
        pools = [pool for pool in manager.pools.values() if pool.slots]
        entries = [_running(pool, manager) for pool in pools]
        return {"models": sorted(entries, key=lambda entry: entry["expires_at"], reverse=True)}

    return router


def _tag(model: ServedModel) -> dict[str, Any]:
    modified = datetime.datetime.fromtimestamp(model.directory.stat().st_mtime, datetime.timezone.utc)
    return {
        "name": model.public_id,
        "model": model.public_id,
        "modified_at": modified.isoformat(),
        "size": model.facts.size_bytes,
        "digest": _digest(model.directory),
        "details": _details(model),
        "capabilities": _capabilities(model),
        "device": model.device.used,
        "fallback_reason": model.device.fallback_reason,
    }


def _capabilities(model: ServedModel) -> list[str]:
    facts = model.facts
    return ["completion"] + ["tools"] * facts.tools + ["thinking"] * facts.thinking


def _running(pool: ModelPool, manager: ModelManager) -> dict[str, Any]:
    model = pool.model
    memory = sum(manager.budget.size(slot.instance) for slot in pool.slots)
    on_cpu = model.device.used.startswith("CPU")
    return {
        "name": model.public_id,
        "model": model.public_id,
        "size": memory,
        "digest": _digest(model.directory),
        "details": _details(model),
        "expires_at": _expiry(pool, manager).isoformat(),
        "size_vram": 0 if on_cpu else memory,
        "context_length": manager.max_request_tokens(model.id),
        "device": model.device.used,
        "fallback_reason": model.device.fallback_reason,
    }


def _expiry(pool: ModelPool, manager: ModelManager) -> datetime.datetime:
    now = datetime.datetime.now(datetime.timezone.utc)
    if pool.keep_alive < 0:
        return now + _FOR_EVER
    busy = any(slot.active for slot in pool.slots)
    idle = 0.0 if busy else manager.clock() - max(slot.idle_since for slot in pool.slots)
    return now + datetime.timedelta(seconds=max(0.0, pool.keep_alive - idle))


def _details(model: ServedModel) -> dict[str, Any]:
    facts = model.facts
    family = facts.architecture or facts.kind
    billions = f"{facts.parameters / 1e9:.1f}B" if facts.parameters and facts.parameters >= 1e9 else None
    return {
        "parent_model": "",
        "format": "openvino",
        "family": family,
        "families": [family],
        "parameter_size": billions or f"{(facts.parameters or 0) / 1e6:.1f}M",
        "quantization_level": facts.quantization or "unknown",
        "context_length": model.context_tokens,
    }


def _digest(directory: Path) -> str:
    """SHA-256 over the names, sizes and dates of the model's files."""
    files = sorted(path for path in directory.iterdir() if path.is_file())
    lines = [f"{path.name} {(stat := path.stat()).st_size} {stat.st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()

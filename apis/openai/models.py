"""GET /v1/models and /v1/models/{id}."""

from typing import Any

from fastapi import APIRouter

from apis.model_names import ModelNames
from pools.served_model import ServedModel


def model_routes(names: ModelNames, *, created: int) -> APIRouter:
    """`created` (Unix seconds) stands for the models' unknown date of birth."""
    router = APIRouter(tags=["OpenAI"])

    def entry(model: ServedModel) -> dict[str, Any]:
        return {
            "id": model.public_id,
            "object": "model",
            "created": created,
            "owned_by": model.id.partition("/")[0],
            "max_model_len": model.context_tokens,
            "device": model.device.used,
            "fallback_reason": model.device.fallback_reason,
        }

    async def list_models() -> dict[str, Any]:
        return {"object": "list", "data": [entry(model) for model in names.models.values()]}

    async def get_model(model_id: str) -> dict[str, Any]:
        return entry(names.resolve(model_id))

    for prefix in ("/v1/models", "/models"):
        router.add_api_route(prefix, list_models, methods=["GET"])
        router.add_api_route(prefix + "/{model_id:path}", get_model, methods=["GET"])
    return router

"""GET /v1/models and /v1/models/{id}."""

import datetime
from typing import Any

from fastapi import APIRouter

from apis.model_names import ModelNames
from apis.openai.answers import ERRORS, ModelObject, Models
from pools.served_model import ServedModel
from web.openapi import answer


def model_routes(names: ModelNames, *, created: int) -> APIRouter:
    """`created` (Unix seconds) stands for the models' unknown date of birth."""
    router = APIRouter(tags=["OpenAI"], responses=ERRORS)
    created_at = datetime.datetime.fromtimestamp(created, datetime.timezone.utc).isoformat()

    def entry(model: ServedModel) -> dict[str, Any]:
        return {
            "id": model.public_id,
            "object": "model",
            "created": created,
            "owned_by": model.id.partition("/")[0],
            "type": "model",  # this and the next two are for Anthropic's clients
            "display_name": model.public_id,
            "created_at": created_at,
            "max_model_len": model.context_tokens,
            "device": model.device.used,
            "fallback_reason": model.device.fallback_reason,
        }

    async def list_models() -> dict[str, Any]:
        data = [entry(model) for model in names.listed()]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
        return {"object": "list", "data": data, "has_more": False, **ends}

    async def get_model(model_id: str) -> dict[str, Any]:
        return entry(names.resolve(model_id))

    for prefix in ("/v1/models", "/models"):
        router.add_api_route(prefix, list_models, methods=["GET"], responses=answer(Models))
        router.add_api_route(prefix + "/{model_id:path}", get_model, methods=["GET"], responses=answer(ModelObject))
    return router

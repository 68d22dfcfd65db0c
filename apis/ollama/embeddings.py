"""POST /api/embed and its older form /api/embeddings."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from apis.bounds import MAX_TEXTS
from apis.model_names import ModelNames
from apis.numbers import Whole
from apis.ollama.answers import ERRORS, OllamaEmbedding, OllamaEmbeddings
from apis.ollama.durations import keep_alive_seconds, load_duration
from embeddings.service import EmbeddingService
from web.bodies import read_body
from web.openapi import answer, body_schema
from web.streaming import JSON, unless_disconnected

_NANOSECONDS = 1e9


class EmbedRequest(BaseModel):
    """POST /api/embed. Without input it only loads the model."""

    model: str = Field(min_length=1)
    input: str | Annotated[list[str], Field(max_length=MAX_TEXTS)] = []
    truncate: bool | None = None
    dimensions: Whole | None = Field(default=None, ge=1)
    keep_alive: float | str | None = None


class EmbeddingsRequest(BaseModel):
    """POST /api/embeddings."""

    model: str = Field(min_length=1)
    prompt: str = ""
    keep_alive: float | str | None = None


def embedding_routes(service: EmbeddingService, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["Ollama"], responses=ERRORS)

    @router.post("/api/embed", openapi_extra=body_schema(EmbedRequest), responses=answer(OllamaEmbeddings))
    async def embed(request: Request) -> Response:
        body = await read_body(request, EmbedRequest)
        model = names.resolve(body.model)
        texts = [body.input] if isinstance(body.input, str) and body.input else list(body.input)
        work = service.embed(
            model,
            texts,
            dimensions=body.dimensions,
            truncate=body.truncate is not False,
            keep_alive=keep_alive_seconds(body.keep_alive),
        )
        embedded = await unless_disconnected(request, work)
        return JSON(
            {
                "model": body.model,
                "embeddings": embedded.vectors.tolist(),
                "total_duration": int(embedded.timings.total_seconds * _NANOSECONDS),
                "load_duration": load_duration(embedded.timings),
                "prompt_eval_count": embedded.tokens,
            }
        )

    @router.post("/api/embeddings", openapi_extra=body_schema(EmbeddingsRequest), responses=answer(OllamaEmbedding))
    async def embeddings(request: Request) -> Response:
        body = await read_body(request, EmbeddingsRequest)
        model = names.resolve(body.model)
        texts = [body.prompt] if body.prompt else []
        work = service.embed(model, texts, keep_alive=keep_alive_seconds(body.keep_alive))
        embedded = await unless_disconnected(request, work)
        return JSON({"embedding": embedded.vectors[0].tolist() if texts else []})

    return router

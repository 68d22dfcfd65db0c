"""POST /v1/embeddings, and /v1/rerank as Jina, Cohere (/v2/rerank) and llama.cpp (/v1/reranking) have it."""

import secrets
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from apis.bounds import MAX_TEXTS
from apis.model_names import ModelNames
from apis.numbers import Whole
from apis.openai.answers import ERRORS, Embeddings, RerankResponse
from apis.timing import server_timing
from apis.token_ids import TokenIds
from embeddings.service import EmbeddingService, Vectors
from instances.protocol import Text
from model_files.embedding_facts import InputType
from web.bodies import read_body
from web.errors import InvalidRequest
from web.openapi import answer, body_schema
from web.streaming import JSON, unless_disconnected

T = TypeVar("T")
_Several = Annotated[list[T], Field(max_length=MAX_TEXTS)]


class EmbeddingRequest(BaseModel):
    """POST /v1/embeddings. Some clients call the input `prompt` or `text`."""

    model: str
    input: str | _Several[str] | TokenIds | _Several[TokenIds] | None = None
    prompt: str | _Several[str] | None = None
    text: str | _Several[str] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Whole | None = Field(default=None, ge=1)
    input_type: Literal["query", "search_query", "document", "passage", "search_document"] | None = None

    @property
    def meant(self) -> InputType | None:
        """The names are those of NVIDIA's, Voyage's and Cohere's APIs."""
        if self.input_type is None:
            return None
        return "query" if "query" in self.input_type else "document"

    def texts(self) -> list[Text]:
        """Raises `InvalidRequest` when there is nothing to embed."""
        given = self.input or self.prompt or self.text
        if isinstance(given, str):
            return [given]
        if not given or "" in given or [] in given:
            raise InvalidRequest("The input must not be empty or have an empty item.", param="input")
        ids = [item for item in given if isinstance(item, int)]
        return [ids] if ids else [item for item in given if not isinstance(item, int)]


class Document(BaseModel):
    text: str


class RerankRequest(BaseModel):
    """POST /v1/rerank."""

    model: str
    query: str = Field(min_length=1)
    documents: list[str | Document] = Field(min_length=1, max_length=MAX_TEXTS)
    top_n: Whole | None = Field(default=None, ge=1)
    return_documents: bool | None = None

    def texts(self) -> list[str]:
        return [document if isinstance(document, str) else document.text for document in self.documents]


def embedding_routes(service: EmbeddingService, names: ModelNames) -> APIRouter:
    router = APIRouter(responses=ERRORS)

    async def embeddings(request: Request) -> Response:
        body = await read_body(request, EmbeddingRequest)
        model = names.resolve(body.model)
        texts, meant = body.texts(), body.meant
        work = service.embed(model, texts, dimensions=body.dimensions, truncate=False, input_type=meant)
        embedded = await unless_disconnected(request, work)
        data = [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(_encoded(embedded.vectors, body.encoding_format))
        ]
        usage = {"prompt_tokens": embedded.tokens, "total_tokens": embedded.tokens}
        answer = {"object": "list", "data": data, "model": model.public_id, "usage": usage}
        return JSON(answer, headers=server_timing(embedded.timings))

    async def rerank(request: Request) -> Response:
        body = await read_body(request, RerankRequest)
        model = names.resolve(body.model)
        texts = body.texts()
        scored = await unless_disconnected(request, service.score(model, body.query, texts))
        best = sorted(range(len(texts)), key=lambda index: scored.scores[index], reverse=True)[: body.top_n]
        results: list[dict[str, Any]] = []
        for index in best:
            document = {"document": {"text": texts[index]}} if body.return_documents else {}
            results.append({"index": index, "relevance_score": scored.scores[index], **document})
        usage = {"prompt_tokens": scored.tokens, "total_tokens": scored.tokens}
        answer = {
            "id": f"rerank-{secrets.token_hex(12)}",
            "model": model.public_id,
            "results": results,
            "usage": usage,
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        }
        return JSON(answer, headers=server_timing(scored.timings))

    for paths, endpoint, schema, answered in (
        (("/v1/embeddings", "/embeddings"), embeddings, EmbeddingRequest, Embeddings),
        (("/v1/rerank", "/rerank", "/v2/rerank", "/v1/reranking", "/reranking"), rerank, RerankRequest, RerankResponse),
    ):
        for path in paths:
            router.add_api_route(
                path,
                endpoint,
                methods=["POST"],
                tags=["OpenAI"],
                openapi_extra=body_schema(schema),
                responses=answer(answered),
            )
    return router


def _encoded(vectors: Vectors, encoding: str | None) -> list[Any]:
    if encoding == "base64":
        return [vector.tobytes() for vector in vectors.astype("<f4")]  # bytes are written in base64
    return vectors.tolist()

"""Every route of a device server, and what the gateway does with it."""

from dataclasses import dataclass
from typing import Literal

By = Literal["model", "source", "from", "pull", "delete", "path", "response", "any"]
"""What tells which device is meant: the body's model, what it copies or derives from, the path, a stored response."""


@dataclass(frozen=True)
class GatewayRoute:
    path: str
    methods: tuple[str, ...]
    by: By
    repeatable: bool = True
    """Whether it may be sent once more when the device went away while it was at it."""


_BY_MODEL = (
    *("/v1/chat/completions", "/chat/completions", "/v1/completions", "/completions"),
    *("/v1/embeddings", "/embeddings", "/v1/rerank", "/rerank"),
    *("/v2/rerank", "/v1/reranking", "/reranking"),
    *("/v1/audio/transcriptions", "/audio/transcriptions", "/v1/audio/translations", "/audio/translations"),
    *("/v1/audio/speech", "/audio/speech", "/v1/images/generations", "/images/generations"),
    *("/v1/images/edits", "/images/edits", "/v1/images/variations", "/images/variations"),
    *("/v1/responses", "/v1/responses/input_tokens", "/responses", "/responses/input_tokens"),
    *("/v1/messages", "/v1/messages/count_tokens"),
    *("/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/api/show", "/api/push"),
)

PASSED = (  # the busiest first: they are looked through in this order
    *(GatewayRoute(path, ("POST",), "model") for path in _BY_MODEL),
    GatewayRoute("/v1/responses/{response_id}", ("GET", "DELETE"), "response"),
    GatewayRoute("/v1/responses/{response_id}/input_items", ("GET",), "response"),
    GatewayRoute("/responses/{response_id}", ("GET", "DELETE"), "response"),
    GatewayRoute("/responses/{response_id}/input_items", ("GET",), "response"),
    GatewayRoute("/v1/models/{model_id:path}", ("GET",), "path"),
    GatewayRoute("/models/{model_id:path}", ("GET",), "path"),
    GatewayRoute("/api/pull", ("POST",), "pull"),
    GatewayRoute("/api/copy", ("POST",), "source"),
    GatewayRoute("/api/create", ("POST",), "from"),
    GatewayRoute("/api/delete", ("DELETE",), "delete", repeatable=False),
    GatewayRoute("/api/blobs/{digest}", ("HEAD", "POST"), "any"),
)
MERGED = ("/v1/models", "/models", "/api/tags", "/api/ps", "/v1/audio/voices", "/audio/voices")
OWN = ("/", "/api/version", "/health", "/metrics")
OF_ONE_DEVICE = frozenset(
    {
        "/openapi.json",
        "/memory",
        "/activity",
        "/live",
        "/test/echo",
        "/model/stats",
        "/model/instances",
        "/model/preload/{model_id:path}/{count}",
        "/model/cleanup",
        "/v1/images/{name}",
    }
)
"""What is asked of a device at its own address only."""

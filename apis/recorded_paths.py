"""Which requests belong into the list of recent requests: those that have a model do something."""

_OLLAMA = frozenset({"/api/chat", "/api/generate", "/api/embed", "/api/embeddings"})
_SHORT = frozenset(
    {"/chat/completions", "/completions", "/embeddings", "/rerank", "/v2/rerank", "/reranking", "/responses"}
)


def calls_a_model(path: str) -> bool:
    """Of a POST request; everything that is posted below /v1/ does."""
    return path.startswith(("/v1/", "/audio/", "/images/")) or path in _OLLAMA or path in _SHORT

"""Which models an NPU's pipelines take. Source: OpenVINO's documentation, "OpenVINO GenAI on NPU"."""

from __future__ import annotations

from model_files.embedding_facts import EmbeddingFacts
from notices import Notice

MOST_PARAMETERS = 9_000_000_000
"""Above about this many no NPU was reported to compile a language model."""
_REFUSED_KINDS = {
    "reranker": Notice("notices.rerankers_not_on_npu"),
    "gguf": Notice("notices.gguf_not_on_npu"),
}


def pipeline_problem(kind: str, embedding: EmbeddingFacts | None) -> str | None:
    """Why no pipeline of the NPU takes such a model, however its weights are compressed."""
    if embedding is not None and embedding.pooling is None:
        return Notice("notices.npu_vector_shapes")
    return _REFUSED_KINDS.get(kind)


def size_problem(parameters: int | None) -> str | None:
    if parameters is None or parameters <= MOST_PARAMETERS:
        return None
    return Notice("notices.npu_too_many_parameters", billions=f"{parameters / 1000000000.0:.1f}")

"""Which models an NPU's pipelines take. Source: OpenVINO's documentation, "OpenVINO GenAI on NPU"."""

from __future__ import annotations

from model_files.embedding_facts import EmbeddingFacts
from model_files.tasks import task_of_kind

MOST_PARAMETERS = 9_000_000_000
"""Above about this many no NPU was reported to compile a language model."""
_NO_GGUF = "OpenVINO GenAI does not run GGUF models on the NPU."


def pipeline_problem(kind: str, embedding: EmbeddingFacts | None) -> str | None:
    """Why no pipeline of the NPU takes such a model, however its weights are compressed."""
    if embedding is not None and embedding.pooling is None:
        return "Its graph makes the vector itself, in shapes that are not fixed, which the NPU does not take."
    task = task_of_kind(kind)
    return _NO_GGUF if kind == "gguf" else task.npu_problem if task else None


def size_problem(parameters: int | None) -> str | None:
    if parameters is None or parameters <= MOST_PARAMETERS:
        return None
    return f"{parameters / 1e9:.1f} billion parameters; NPUs compile up to about 8."

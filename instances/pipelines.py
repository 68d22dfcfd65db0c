"""The kinds of pipelines: one row each."""

from collections.abc import Callable
from importlib import import_module

from instances.pipeline import Pipeline
from instances.protocol import LoadModel, PipelineKind

PIPELINES: dict[PipelineKind, str] = {
    "continuous_batching": "instances.continuous_batching:ContinuousBatching",
    "llm_pipeline": "instances.llm_pipeline:SingleRequest",
    "vision_batching": "instances.vision_batching:VisionBatching",
    "vision_pipeline": "instances.vision_pipeline:VisionSingleRequest",
    "prompt_scores": "instances.prompt_scores:PromptScorer",
    "embedding": "instances.texts:Embedder",
    "rerank": "instances.texts:Reranker",
    "transcription": "instances.transcription:Transcriber",
    "speech": "instances.text_to_speech:SpeechSynthesizer",
    "image": "instances.images:ImageGenerator",
}
"""Module and class by kind. The name of a kind that serves one task alone is that of the task (`model_files.tasks`)."""
_WITH_DRAFT = "instances.speculative_batching:SpeculativeBatching"


def load_pipeline(spec: LoadModel) -> Pipeline:
    """The pipeline that `spec` asks for, loaded. Imports only what that kind needs."""
    module, _, name = (_WITH_DRAFT if spec.draft else PIPELINES[spec.pipeline]).partition(":")
    kind: Callable[[LoadModel], Pipeline] = getattr(import_module(module), name)
    return kind(spec)

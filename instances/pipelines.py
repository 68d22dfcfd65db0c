"""The kinds of pipelines, and what each is warmed up with."""

from collections.abc import Callable

from instances.pipeline import Pipeline
from instances.protocol import (
    Generate,
    GenerationParams,
    Image,
    LoadModel,
    MultimodalPrompt,
    PipelineKind,
    Request,
    ScorePrompt,
    ScoreTexts,
    VectorizeTexts,
    image_tag,
)

_WARM_UP_PIXELS = 56


def load_pipeline(spec: LoadModel) -> Pipeline:
    """The pipeline that `spec` asks for, loaded. Imports only what that kind needs."""
    return _LOADERS[spec.pipeline](spec)


def warm_up_request(spec: LoadModel, request_id: int) -> Request:
    """A small request of the kind that this pipeline answers."""
    if spec.pipeline == "embedding":
        return VectorizeTexts(request_id, ["warm up"], truncate=True)
    if spec.pipeline == "rerank":
        return ScoreTexts(request_id, "warm", ["up"])
    if spec.pipeline == "prompt_scores":
        return ScorePrompt(request_id, [0, 1, 2, 3], top=1)
    sampling = GenerationParams(max_tokens=2, ignore_eos=True)
    if spec.pipeline in ("vision_batching", "vision_pipeline"):
        image = Image(_WARM_UP_PIXELS, _WARM_UP_PIXELS, bytes(3 * _WARM_UP_PIXELS**2))
        return Generate(request_id, [], sampling, MultimodalPrompt(image_tag(0), [image], 0))
    return Generate(request_id, [0, 1, 2, 3], sampling)


def _continuous_batching(spec: LoadModel) -> Pipeline:
    if spec.draft:
        from instances.speculative_batching import SpeculativeBatching

        return SpeculativeBatching(spec)
    from instances.continuous_batching import ContinuousBatching

    return ContinuousBatching(spec)


def _vision_batching(spec: LoadModel) -> Pipeline:
    from instances.vision_batching import VisionBatching

    return VisionBatching(spec)


def _vision_pipeline(spec: LoadModel) -> Pipeline:
    from instances.vision_pipeline import VisionSingleRequest

    return VisionSingleRequest(spec)


def _llm_pipeline(spec: LoadModel) -> Pipeline:
    from instances.llm_pipeline import SingleRequest

    return SingleRequest(spec)


def _prompt_scorer(spec: LoadModel) -> Pipeline:
    from instances.prompt_scores import PromptScorer

    return PromptScorer(spec)


def _embedder(spec: LoadModel) -> Pipeline:
    from instances.texts import Embedder

    return Embedder(spec)


def _reranker(spec: LoadModel) -> Pipeline:
    from instances.texts import Reranker

    return Reranker(spec)


_LOADERS: dict[PipelineKind, Callable[[LoadModel], Pipeline]] = {
    "continuous_batching": _continuous_batching,
    "vision_batching": _vision_batching,
    "vision_pipeline": _vision_pipeline,
    "llm_pipeline": _llm_pipeline,
    "prompt_scores": _prompt_scorer,
    "embedding": _embedder,
    "rerank": _reranker,
}

"""What a worker expects of a pipeline, whatever its kind."""

from collections.abc import Callable
from typing import Protocol

from instances.messages import (
    Generate,
    LoadModel,
    Output,
    PipelineKind,
    Request,
    Sampling,
    ScoreTexts,
    VectorizeTexts,
)

Emit = Callable[[list[Output]], None]


class Pipeline(Protocol):
    """A loaded model. All calls but `cancel` come from one thread."""

    @property
    def busy(self) -> bool:
        """Whether `step` has work to do."""
        ...

    def submit(self, request: Request) -> None:
        """Take a request. Raises on one that the library refuses; the pipeline stays usable."""
        ...

    def cancel(self, request_id: int) -> None:
        """End a request at the next step. Unknown ids are ignored. Safe from any thread."""
        ...

    def step(self, emit: Emit) -> None:
        """Do the next piece of work. An exception here means that the pipeline is broken."""
        ...


def load_pipeline(spec: LoadModel) -> Pipeline:
    """The pipeline that `spec` asks for, loaded. Imports only what that kind needs."""
    return _LOADERS[spec.pipeline](spec)


def warm_up_request(spec: LoadModel, request_id: int) -> Request:
    """A small request of the kind that this pipeline answers."""
    if spec.pipeline == "embedding":
        return VectorizeTexts(request_id, ["warm up"], truncate=True)
    if spec.pipeline == "rerank":
        return ScoreTexts(request_id, "warm", ["up"])
    return Generate(request_id, [0, 1, 2, 3], Sampling(max_new_tokens=2, ignore_eos=True))


def _continuous_batching(spec: LoadModel) -> Pipeline:
    from instances.continuous_batching import ContinuousBatching

    return ContinuousBatching(spec)


def _llm_pipeline(spec: LoadModel) -> Pipeline:
    from instances.llm_pipeline import SingleRequest

    return SingleRequest(spec)


def _embedder(spec: LoadModel) -> Pipeline:
    from instances.texts import Embedder

    return Embedder(spec)


def _reranker(spec: LoadModel) -> Pipeline:
    from instances.texts import Reranker

    return Reranker(spec)


_LOADERS: dict[PipelineKind, Callable[[LoadModel], Pipeline]] = {
    "continuous_batching": _continuous_batching,
    "llm_pipeline": _llm_pipeline,
    "embedding": _embedder,
    "rerank": _reranker,
}

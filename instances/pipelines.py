"""What a worker expects of a pipeline, whatever its kind."""

from collections.abc import Callable
from typing import Protocol

from instances.messages import Generate, LoadModel, Output, PipelineKind

Emit = Callable[[list[Output]], None]


class Pipeline(Protocol):
    """A loaded model. All calls but `cancel` come from one thread."""

    @property
    def busy(self) -> bool:
        """Whether `step` has work to do."""
        ...

    def submit(self, request: Generate) -> None:
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


def _continuous_batching(spec: LoadModel) -> Pipeline:
    from instances.continuous_batching import ContinuousBatching

    return ContinuousBatching(spec)


def _llm_pipeline(spec: LoadModel) -> Pipeline:
    from instances.llm_pipeline import SingleRequest

    return SingleRequest(spec)


_LOADERS: dict[PipelineKind, Callable[[LoadModel], Pipeline]] = {
    "continuous_batching": _continuous_batching,
    "llm_pipeline": _llm_pipeline,
}

"""A draft model beside a language model: it drafts tokens for a request that runs alone, which are checked at once."""

import msgspec

from instances.continuous_batching import ContinuousBatching
from instances.pipeline import Emit
from instances.protocol import Generate, GenerationParams, LoadModel, Request, TokenOutput
from instances.sampling import generation_config

_MOVED_TOKENS = 512
"""Prompt and answer so far that are computed anew when a drafted request goes on among others."""


class SpeculativeBatching:
    """A `Pipeline` of two: a plain one, and one with the draft.

    OpenVINO GenAI 2026.4 drafts for all requests of a pipeline or none, is slower with a draft where many run at once,
    holds up all of them while one's prompt is read, and breaks on a sampled request when prefix caching is on. So the
    pipeline with the draft gets what runs alone and is greedy. When company comes, a short request goes on in the plain
    one from its tokens; a long one stays, as reading it again would cost more.
    """

    def __init__(self, spec: LoadModel) -> None:
        if spec.draft is None:
            raise ValueError("a draft model is needed")
        self._plain = ContinuousBatching(msgspec.structs.replace(spec, draft=None))
        tokens = min(spec.kv_cache_tokens, spec.draft.context_tokens)
        self._drafting = ContinuousBatching(msgspec.structs.replace(spec, kv_cache_tokens=tokens, prompt_lookup=None))
        self._alone: Generate | None = None
        self._generated: list[int] = []
        self._moved: set[int] = set()
        self._begun: set[int] = set()
        for pipeline in (self._plain, self._drafting):
            _warm_up(pipeline)

    def warm_up(self, request_id: int) -> Request:
        return self._plain.warm_up(request_id)

    @property
    def busy(self) -> bool:
        return self._plain.busy or self._drafting.busy

    @property
    def kv_cache_bytes(self) -> int:
        """As `ContinuousBatching.kv_cache_bytes`, of both, without the draft's."""
        return self._plain.kv_cache_bytes + self._drafting.kv_cache_bytes

    def submit(self, request: Request) -> None:
        if not isinstance(request, Generate):
            raise ValueError("a language model generates only")
        if not self.busy and self._greedy(request):
            self._drafting.submit(request)
            self._alone, self._generated = request, []
            return
        self._plain.submit(request)
        self._rejoin()

    def cancel(self, request_id: int) -> None:
        self._drafting.cancel(request_id)
        self._plain.cancel(request_id)

    def step(self, emit: Emit) -> None:
        if self._plain.busy:
            self._plain.step(lambda outputs: emit([self._continued(output) for output in outputs]))
        if self._drafting.busy:
            self._drafting.step(lambda outputs: self._take(outputs, emit))

    def _greedy(self, request: Generate) -> bool:
        config = generation_config(self._plain.defaults(), request.sampling)
        return not config.do_sample and config.num_beams == 1

    def _rejoin(self) -> None:
        """The request that was alone goes on among others where that costs little and leaves its answer as it is."""
        request, done = self._alone, self._generated
        if request is None or self._drafting.cancelling(request.id) or not _movable(request, len(done)):
            return
        self._alone = None
        left = msgspec.structs.replace(request.sampling, max_tokens=request.sampling.token_limit - len(done))
        self._plain.submit(msgspec.structs.replace(request, prompt_ids=request.prompt_ids + done, sampling=left))
        self._drafting.cancel(request.id)
        self._moved.add(request.id)
        if done:
            self._begun.add(request.id)

    def _take(self, outputs: list[TokenOutput], emit: Emit) -> None:
        """What the drafting pipeline says; of a request that has moved only that it has let go of it."""
        told: list[TokenOutput] = []
        for output in outputs:
            ended = output.finish is not None or output.error is not None
            if output.id in self._moved:
                self._moved.difference_update([output.id] if ended else [])
                continue
            self._generated += output.tokens
            if ended:
                self._alone = None
            told.append(output)
        if told:
            emit(told)

    def _continued(self, output: TokenOutput) -> TokenOutput:
        """Of a request that came from the other pipeline: what was known of its prompt has been told there."""
        if output.id not in self._begun:
            return output
        self._begun.discard(output.id)
        return msgspec.structs.replace(output, cached_tokens=None, evicted_tokens=None)


def _warm_up(pipeline: ContinuousBatching) -> None:
    """Of the two pipelines the first request would see one only."""
    pipeline.submit(Generate(0, [0, 1, 2, 3], GenerationParams(max_tokens=4, temperature=0, ignore_eos=True)))
    while pipeline.busy:
        pipeline.step(lambda _: None)


def _movable(request: Generate, generated: int) -> bool:
    sampling = request.sampling
    counts = sampling.presence_penalty or sampling.frequency_penalty
    """These look at what was generated, and a grammar begins anew with each generation."""
    return (
        sampling.structure is None
        and not counts
        and generated < sampling.token_limit
        and len(request.prompt_ids) + generated <= _MOVED_TOKENS
    )

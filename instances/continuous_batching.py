"""Many requests at once through ContinuousBatchingPipeline: every step computes the next tokens of all of them."""

import threading
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai
from openvino_genai.py_openvino_genai import GenerationHandle

from instances.pipeline import Emit
from instances.prefix_cache_estimator import PrefixCacheEstimator
from instances.protocol import FinishReason, Generate, LoadModel, Request, TokenOutput
from instances.sampling import generation_config
from instances.warm_up import warm_up_prompt
from memory.kv_cache import kv_cache_blocks, kv_format

_LOOKUP_NGRAM = 3
"""How many of the last tokens must stand in the prompt for those that follow there to be guessed."""
_FINISH: dict[genai.GenerationFinishReason, FinishReason] = {
    genai.GenerationFinishReason.STOP: "stop",
    genai.GenerationFinishReason.LENGTH: "length",
}


class ContinuousBatching:
    """A `Pipeline` that batches. Its KV cache is of fixed size: the library grows a dynamic one without looking at
    the memory that is left. Prefix caching is on, so the caller must admit no more tokens than the cache holds: when
    it overflows, the library drops requests."""

    def __init__(self, spec: LoadModel) -> None:
        scheduler = genai.SchedulerConfig()
        form = kv_format(spec.device)
        scheduler.num_kv_blocks = kv_cache_blocks(spec.kv_cache_tokens, form)
        scheduler.enable_prefix_caching = True
        if spec.max_num_batched_tokens is not None:
            scheduler.max_num_batched_tokens = spec.max_num_batched_tokens
        if spec.state_cache:
            scheduler.num_linear_attention_blocks = spec.state_cache.blocks
            scheduler.cache_interval_multiplier = spec.state_cache.interval
        properties = dict(spec.properties)
        self._guesses = spec.prompt_lookup
        if self._guesses:
            properties["prompt_lookup"] = True
        if spec.draft:
            properties["draft_model"] = genai.draft_model(spec.draft.directory)
        self._drafted = spec.draft.tokens if spec.draft else None
        if spec.cache_dir:
            properties["CACHE_DIR"] = spec.cache_dir
        self._pipeline = _load(spec, scheduler, properties)
        # Losing the last reference to a handle stops its request.
        self._handles: dict[int, GenerationHandle] = {}
        self._cancelled: set[int] = set()
        self._lock = threading.Lock()
        self._with_logprobs: set[int] = set()
        self._prefixes = PrefixCacheEstimator(
            scheduler.num_kv_blocks, form.block_tokens, scheduler.max_num_batched_tokens
        )

    def warm_up(self, request_id: int) -> Request:
        return warm_up_prompt(request_id)

    @property
    def busy(self) -> bool:
        return bool(self._handles)

    @property
    def kv_cache_bytes(self) -> int:
        """What the KV cache takes, by the library's own account; right after the first step, and not for 4 bits, which
        it counts as 8."""
        return self._pipeline.get_metrics().kv_cache_size_in_bytes

    def defaults(self) -> genai.GenerationConfig:
        """What the model's files say of generation: a copy."""
        return self._pipeline.get_config()

    def cancelling(self, request_id: int) -> bool:
        return request_id in self._cancelled

    def submit(self, request: Request) -> None:
        if not isinstance(request, Generate):
            raise ValueError("a language model generates only")
        config = generation_config(self.defaults(), request.sampling)
        if self._guesses:
            config.num_assistant_tokens, config.max_ngram_size = self._guesses, _LOOKUP_NGRAM
        if self._drafted:
            config.num_assistant_tokens = self._drafted
        self._handles[request.id] = self._add(request, config)
        if request.sampling.logprobs:
            self._with_logprobs.add(request.id)

    def cancel(self, request_id: int) -> None:
        with self._lock:  # the handle is left to the steps' thread: to read from a cancelled one is an error
            if request_id in self._handles:
                self._cancelled.add(request_id)

    def step(self, emit: Emit) -> None:
        with self._lock:
            for request_id in self._cancelled:
                self._handles[request_id].cancel()
        self._pipeline.step()
        self._prefixes.step()
        outputs = [output for id_, handle in self._handles.items() if (output := self._read(id_, handle))]
        for output in outputs:
            if output.finish or output.error:
                with self._lock:
                    del self._handles[output.id]
                    self._cancelled.discard(output.id)
                self._with_logprobs.discard(output.id)
                self._prefixes.end(output.id)
        if outputs:
            emit(outputs)

    def _add(self, request: Generate, config: genai.GenerationConfig) -> GenerationHandle:
        prompt = ov.Tensor(np.array([request.prompt_ids], dtype=np.int64))
        handle = self._pipeline.add_request(request.id, prompt, config)
        self._prefixes.begin(request.id, request.prompt_ids)
        return handle

    def _prompt_tokens(self, handle: GenerationHandle) -> int | None:
        """Of a finished request, where the caller does not know it from the ids."""
        return None

    def _read(self, request_id: int, handle: GenerationHandle) -> TokenOutput | None:
        if request_id in self._cancelled:
            return TokenOutput(request_id, [], finish="cancelled")
        # A read before there is output would wait for ever with the GIL held.
        generated = next(iter(handle.read().values()), None) if handle.can_read() else None
        if generated is not None:
            finish = _FINISH.get(generated.finish_reason)
            return TokenOutput(
                request_id,
                generated.generated_ids,
                finish,
                logprobs=generated.generated_log_probs if request_id in self._with_logprobs else None,
                cached_tokens=self._prefixes.extend(request_id, generated.generated_ids),
                evicted_tokens=self._prefixes.evicted(request_id),
                prompt_tokens=self._prompt_tokens(handle) if finish else None,
            )
        status = handle.get_status()
        if status == genai.GenerationStatus.RUNNING:
            return None
        if status == genai.GenerationStatus.IGNORED:
            return TokenOutput(request_id, [], error="The prompt and its answer do not fit into the KV cache.")
        return TokenOutput(request_id, [], finish="stop")


def _load(
    spec: LoadModel, scheduler: genai.SchedulerConfig, properties: dict[str, Any]
) -> genai.ContinuousBatchingPipeline:
    try:
        return genai.ContinuousBatchingPipeline(spec.directory, scheduler, spec.device, properties)
    except RuntimeError as error:
        if not spec.state_cache or "linear attention" not in str(error):
            raise
    # Its states are of a kind that the library does not keep in pages.
    scheduler.num_linear_attention_blocks = 0
    return genai.ContinuousBatchingPipeline(spec.directory, scheduler, spec.device, properties)

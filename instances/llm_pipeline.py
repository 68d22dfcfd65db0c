"""One request at a time through LLMPipeline: the only kind that runs on an NPU."""

from collections.abc import Mapping, Sequence
from typing import Any, SupportsInt

import numpy as np
import openvino as ov
import openvino_genai as genai

from instances.one_at_a_time import OneAtATime
from instances.pipeline import Emit
from instances.protocol import FinishReason, Generate, LoadModel, Request, TokenOutput
from instances.sampling import generation_config
from instances.warm_up import warm_up_prompt


class SingleRequest(OneAtATime):
    """A `Pipeline` whose step is a whole answer; its tokens are emitted as they come."""

    def __init__(self, spec: LoadModel) -> None:
        super().__init__()
        properties = dict(spec.properties)
        if spec.device.startswith("NPU"):
            properties.setdefault("MAX_PROMPT_LEN", spec.max_prompt_len)
            properties.setdefault("MIN_RESPONSE_LEN", spec.min_response_len)
        if spec.cache_dir:
            properties["CACHE_DIR"] = spec.cache_dir
        self._load(spec, properties)

    def warm_up(self, request_id: int) -> Request:
        return warm_up_prompt(request_id)

    def submit(self, request: Request) -> None:
        if not isinstance(request, Generate):
            raise ValueError("a language model generates only")
        super().submit(request)

    def _answer(self, request: Request, emit: Emit) -> TokenOutput:
        assert isinstance(request, Generate)
        return self._generate(request, _Emitter(request.id, emit, self._cancelled))

    def _load(self, spec: LoadModel, properties: Mapping[str, Any]) -> None:
        self._pipeline = genai.LLMPipeline(spec.directory, spec.device, **properties)

    def _generate(self, request: Generate, streamer: genai.StreamerBase) -> TokenOutput:
        """Generate it all; the request's last output."""
        config = generation_config(self._pipeline.get_generation_config(), request.sampling)
        prompt = np.array([request.prompt_ids], dtype=np.int64)
        inputs = genai.TokenizedInputs(ov.Tensor(prompt), ov.Tensor(np.ones_like(prompt)))
        results = self._pipeline.generate(inputs, config, streamer)
        return TokenOutput(request.id, [], self._finish_reason(request.id, results.finish_reasons))

    def _finish_reason(self, request_id: int, reasons: Sequence[genai.GenerationFinishReason]) -> FinishReason:
        if request_id in self._cancelled:
            return "cancelled"
        # A full static context ends with reason NONE.
        return "stop" if genai.GenerationFinishReason.STOP in reasons else "length"


class _Emitter(genai.StreamerBase):
    def __init__(self, request_id: int, emit: Emit, cancelled: set[int]) -> None:
        super().__init__()
        self._id = request_id
        self._emit = emit
        self._cancelled = cancelled

    def write(self, token: SupportsInt | Sequence[SupportsInt]) -> genai.StreamingStatus:
        if self._id in self._cancelled:
            return genai.StreamingStatus.CANCEL
        self._emit([TokenOutput(self._id, _as_ids(token))])
        return genai.StreamingStatus.RUNNING

    def end(self) -> None:
        pass


def _as_ids(token: SupportsInt | Sequence[SupportsInt]) -> list[int]:
    return [int(each) for each in token] if isinstance(token, Sequence) else [int(token)]

"""Vision-language models, one request at a time through VLMPipeline: the only kind of them that runs on an NPU."""

from collections.abc import Mapping
from typing import Any

import openvino_genai as genai

from instances.llm_pipeline import SingleRequest
from instances.multimodal_prompt import MultimodalReader
from instances.pipeline import Emit
from instances.protocol import Generate, LoadModel, Request, TokenOutput
from instances.sampling import generation_config
from instances.warm_up import warm_up_picture


class VisionSingleRequest(SingleRequest):
    """As `SingleRequest`, but a prompt is a text with images and videos. After a prompt that the library refuses (one
    too long for an NPU) its record of the conversation is wrong for ever: the refusal is told, then the pipeline given
    up."""

    _failure: str | None = None

    def warm_up(self, request_id: int) -> Request:
        return warm_up_picture(request_id)

    def step(self, emit: Emit) -> None:
        super().step(emit)
        if self._failure is not None:
            raise RuntimeError(self._failure)

    def _load(self, spec: LoadModel, properties: Mapping[str, Any]) -> None:
        self._sees = genai.VLMPipeline(spec.directory, spec.device, **properties)
        self._reader = MultimodalReader(self._sees.get_tokenizer())

    def _generate(self, request: Generate, streamer: genai.StreamerBase) -> TokenOutput:
        seen = self._reader.read(request)
        config = generation_config(self._sees.get_generation_config(), request.sampling)
        config.apply_chat_template = False
        try:
            results = self._sees.generate(
                seen.prompt,
                images=seen.images,
                videos=seen.videos,
                videos_metadata=seen.videos_metadata,
                generation_config=config,
                streamer=streamer,
            )
        except RuntimeError as error:
            self._failure = str(error).strip().splitlines()[-1]
            return TokenOutput(request.id, [], error=self._failure)
        tokens = results.perf_metrics.get_num_input_tokens()
        finish = self._finish_reason(request.id, results.finish_reasons)
        return TokenOutput(request.id, [], finish, prompt_tokens=tokens)

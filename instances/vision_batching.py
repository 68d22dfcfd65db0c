"""Vision-language models, many requests at once: as `ContinuousBatching`, but a prompt is a text with images and
videos."""

import openvino_genai as genai
from openvino_genai.py_openvino_genai import GenerationHandle

from instances.continuous_batching import ContinuousBatching
from instances.multimodal_prompt import MultimodalReader
from instances.protocol import Generate, LoadModel, Request
from instances.warm_up import warm_up_picture


class VisionBatching(ContinuousBatching):
    """What a request shows is looked at when it is submitted; meanwhile the others wait."""

    def __init__(self, spec: LoadModel) -> None:
        super().__init__(spec)
        self._reader = MultimodalReader(self._pipeline.get_tokenizer())

    def warm_up(self, request_id: int) -> Request:
        return warm_up_picture(request_id)

    def _add(self, request: Generate, config: genai.GenerationConfig) -> GenerationHandle:
        seen = self._reader.read(request)
        config.apply_chat_template = False
        return self._pipeline.add_request(
            request.id, seen.prompt, seen.images, seen.videos, config, videos_metadata=seen.videos_metadata
        )

    def _prompt_tokens(self, handle: GenerationHandle) -> int | None:
        finished = handle.get_status() == genai.GenerationStatus.FINISHED
        return handle.get_perf_metrics().get_num_input_tokens() if finished else None

"""Vision-language models, many requests at once: as `ContinuousBatching`, but a prompt is a text with images."""

import numpy as np
import openvino as ov
import openvino_genai as genai
from openvino_genai.py_openvino_genai import GenerationHandle

from instances.continuous_batching import ContinuousBatching
from instances.messages import Generate, Image, LoadModel


class VisionBatching(ContinuousBatching):
    """The images of a request are looked at when it is submitted; meanwhile the others wait."""

    def __init__(self, spec: LoadModel) -> None:
        super().__init__(spec)
        self._tokenizer = self._pipeline.get_tokenizer()
        # The library puts these before each prompt, which has them already if its template writes them.
        self._head = self._text(self._tokenizer.encode("").input_ids.data[0].tolist())

    def _add(self, request: Generate, config: genai.GenerationConfig) -> GenerationHandle:
        sight = request.sight
        if sight is None:
            raise ValueError("a vision-language model takes its prompt as text")
        config.apply_chat_template = False
        prompt = sight.prompt.removeprefix(self._head) + self._text(request.prompt_ids[sight.tokens :])
        return self._pipeline.add_request(request.id, prompt, [_tensor(image) for image in sight.images], config)

    def _prompt_tokens(self, handle: GenerationHandle) -> int | None:
        finished = handle.get_status() == genai.GenerationStatus.FINISHED
        return handle.get_perf_metrics().get_num_input_tokens() if finished else None

    def _text(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False) if ids else ""


def _tensor(image: Image) -> ov.Tensor:
    pixels = np.frombuffer(image.pixels, dtype=np.uint8)
    return ov.Tensor(pixels.reshape(1, image.height, image.width, 3).copy())

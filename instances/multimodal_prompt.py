"""What vision-language models are asked, as the library takes it."""

import numpy as np
import openvino as ov
import openvino_genai as genai

from instances.protocol import Generate, Image


class MultimodalReader:
    """Prompts for the pipeline of `tokenizer`."""

    def __init__(self, tokenizer: genai.Tokenizer) -> None:
        self._tokenizer = tokenizer
        # The library puts these before each prompt, which has them already if its template writes them.
        self._head = self._text(tokenizer.encode("").input_ids.data[0].tolist())

    def read(self, request: Generate) -> tuple[str, list[ov.Tensor]]:
        """The prompt, with what has been generated since, and its images. Raises ValueError where there is none."""
        multimodal = request.multimodal
        if multimodal is None:
            raise ValueError("a vision-language model takes its prompt as text")
        prompt = multimodal.prompt.removeprefix(self._head) + self._text(request.prompt_ids[multimodal.tokens :])
        return prompt, [_tensor(image) for image in multimodal.images]

    def _text(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False) if ids else ""


def _tensor(image: Image) -> ov.Tensor:
    pixels = np.frombuffer(image.pixels, dtype=np.uint8)
    return ov.Tensor(pixels.reshape(1, image.height, image.width, 3).copy())

"""What vision-language models are asked, as the library takes it."""

from dataclasses import dataclass

import numpy as np
import openvino as ov
import openvino_genai as genai

from instances.protocol import Generate, Image, Video


@dataclass(frozen=True)
class MultimodalInputs:
    """`videos_metadata`: for each of `videos`."""

    prompt: str
    images: list[ov.Tensor]
    videos: list[ov.Tensor]
    videos_metadata: list[genai.VideoMetadata]


class MultimodalReader:
    """Prompts for the pipeline of `tokenizer`."""

    def __init__(self, tokenizer: genai.Tokenizer) -> None:
        self._tokenizer = tokenizer
        # The library puts these before each prompt, which has them already if its template writes them.
        self._head = self._text(tokenizer.encode("").input_ids.data[0].tolist())

    def read(self, request: Generate) -> MultimodalInputs:
        """The prompt, with what has been generated since. Raises ValueError where there is none."""
        multimodal = request.multimodal
        if multimodal is None:
            raise ValueError("a vision-language model takes its prompt as text")
        prompt = multimodal.prompt.removeprefix(self._head) + self._text(request.prompt_ids[multimodal.tokens :])
        return MultimodalInputs(
            prompt,
            [_tensor(image, 1) for image in multimodal.images],
            [_tensor(video, video.frames) for video in multimodal.videos],
            [_metadata(video) for video in multimodal.videos],
        )

    def _text(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False) if ids else ""


def _tensor(seen: Image | Video, frames: int) -> ov.Tensor:
    pixels = np.frombuffer(seen.pixels, dtype=np.uint8)
    return ov.Tensor(pixels.reshape(frames, seen.height, seen.width, 3).copy())


def _metadata(video: Video) -> genai.VideoMetadata:
    """All frames are to be looked at: without their indices the library would choose among them once more."""
    metadata = genai.VideoMetadata()
    metadata.fps = video.fps
    metadata.frames_indices = list(range(video.frames))
    return metadata

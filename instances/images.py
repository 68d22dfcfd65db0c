"""Pictures with Text2ImagePipeline, Image2ImagePipeline and InpaintingPipeline, which share one model's parts.

The words of this kind stand first; they load nothing of OpenVINO.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from instances.protocol import Image, LoadModel
from instances.work import WorkPipeline, properties_of

if TYPE_CHECKING:
    import openvino as ov

_SAMPLE_PIXELS = 64


class GenerateImage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Make one picture of `prompt`. `image`: what to begin with, changed where `mask` is white, everywhere without
    one; `strength` from 0 to 1 says how much. None leaves a value to the model. `previews`: after how many steps to
    show the picture so far, 0: never."""

    prompt: str
    width: int | None
    height: int | None
    seed: int
    negative_prompt: str | None = None
    steps: int | None = None
    guidance: float | None = None
    image: Image | None = None
    mask: Image | None = None
    strength: float | None = None
    previews: int = 0


class ImageStep(msgspec.Struct, frozen=True):
    """`step` of `steps` are done; with `image`, what there is to see, the last time when it is finished. There is one
    for each step, but not all that were to show something do: a picture that is soon finished is not waited for."""

    step: int
    steps: int
    image: Image | None = None
    finished: bool = False


class ImageGenerator(WorkPipeline[GenerateImage]):
    asks = GenerateImage

    def __init__(self, spec: LoadModel) -> None:
        import openvino_genai as genai

        super().__init__()
        properties = properties_of(spec)
        try:
            # The other two are made of this one: made of another, it ends the process with its first picture.
            self._inpaint: Any = genai.InpaintingPipeline(spec.directory, spec.device, **properties)
            self._image: Any = genai.Image2ImagePipeline(self._inpaint)
            self._text: Any = genai.Text2ImagePipeline(self._inpaint)
        except RuntimeError:  # a model without an encoder of pictures, or of a family that changes none
            self._inpaint = self._image = None
            self._text = genai.Text2ImagePipeline(spec.directory, spec.device, **properties)

    def sample(self) -> GenerateImage:
        return GenerateImage("warm up", _SAMPLE_PIXELS, _SAMPLE_PIXELS, 0, steps=1)

    def work(self, asked: GenerateImage, tell: Callable[[msgspec.Struct], None], cancelled: Callable[[], bool]) -> None:
        options: dict[str, Any] = {"rng_seed": asked.seed, "num_images_per_prompt": 1}
        for name, value in (
            ("negative_prompt", asked.negative_prompt),
            ("num_inference_steps", asked.steps),
            ("guidance_scale", asked.guidance),
            ("strength", asked.strength),
        ):
            if value is not None:
                options[name] = value
        pipeline = self._pipeline(asked)
        told = 0
        stopped = False

        def after_step(step: int, steps: int, latent: ov.Tensor) -> bool:
            nonlocal told, stopped
            shown = asked.previews > 0 and (step + 1) % asked.previews == 0 and step + 1 < steps
            tell(ImageStep(step + 1, steps, _picture(pipeline.decode(latent)) if shown else None))
            told = step + 1
            stopped = cancelled()
            return stopped

        options["callback"] = after_step
        try:
            if asked.image is None:
                size = {"width": asked.width, "height": asked.height}
                options |= {name: value for name, value in size.items() if value is not None}
                made = pipeline.generate(asked.prompt, **options)
            elif asked.mask is None:
                made = pipeline.generate(asked.prompt, _tensor(asked.image), **options)
            else:
                made = pipeline.generate(asked.prompt, _tensor(asked.image), _tensor(asked.mask), **options)
        except RuntimeError as error:
            raise ValueError(str(error).strip().splitlines()[-1].strip()) from error
        if stopped:
            return
        # The library calls `after_step` from a thread of its own and leaves out the steps that it is behind by when the
        # picture is finished. The same work has to tell the same pieces.
        steps = len(pipeline.get_performance_metrics().raw_metrics.iteration_durations)
        for step in range(told, steps):
            tell(ImageStep(step + 1, steps))
        tell(ImageStep(0, 0, _picture(made), finished=True))

    def _pipeline(self, asked: GenerateImage) -> Any:
        if asked.image is None:
            return self._text
        if self._image is None:
            raise ValueError("it makes pictures of words only: its family, or its files, cannot begin with a picture")
        return self._image if asked.mask is None else self._inpaint


def _tensor(image: Image) -> ov.Tensor:
    import openvino as ov

    return ov.Tensor(np.frombuffer(image.pixels, dtype=np.uint8).reshape(1, image.height, image.width, 3).copy())


def _picture(tensor: ov.Tensor) -> Image:
    pixels: npt.NDArray[np.uint8] = np.asarray(tensor.data, dtype=np.uint8)[0]
    return Image(pixels.shape[1], pixels.shape[0], pixels.tobytes())

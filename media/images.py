"""Pictures made step by step, each a piece of work that queues by itself."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal

import PIL.Image

from activity.request_log import note_prompt, note_work
from instances.images import GenerateImage, ImageStep
from instances.protocol import Image
from media.work import results
from model_manager import ModelManager
from pools.served_model import ServedModel
from pools.statistics import Timings
from web.errors import InvalidRequest

TASK = "image"
MAX_SIDE = 2048
_STEP_PIXELS = 8
"""A latent's pixel stands for so many."""
_MAX_SOURCE_PIXELS = 50_000_000

PictureFormat = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True)
class ImageOptions:
    """What is to be made; see `instances.images.GenerateImage`. `size`: width and height in pixels."""

    prompt: str
    seed: int
    size: tuple[int, int] | None = None
    negative_prompt: str | None = None
    steps: int | None = None
    guidance: float | None = None
    image: Image | None = None
    mask: Image | None = None
    strength: float | None = None
    previews: int = 0


class ImageService:
    """Draws with the models of one device."""

    def __init__(self, manager: ModelManager) -> None:
        self._manager = manager

    async def draw(
        self, model: ServedModel, options: ImageOptions, count: int, timings: Timings
    ) -> AsyncGenerator[ImageStep, None]:
        """The steps of `count` pictures, one after the other, each with a seed of its own. Raises `InvalidRequest` on
        another kind of model and on what it cannot do, and as `ModelManager.work`."""
        model.require(TASK)
        note_work(timings)
        note_prompt(options.prompt)
        with self._manager.counted(model.id, timings):
            for number in range(count):
                asked = _asked(replace(options, seed=(options.seed + number) % 2**32))
                async with aclosing(results(self._manager, model, asked, ImageStep, timings)) as steps:
                    async for step in steps:
                        timings.steps += not step.finished
                        yield step


def _asked(options: ImageOptions) -> GenerateImage:
    width, height = options.size or (None, None)
    return GenerateImage(
        options.prompt,
        width,
        height,
        options.seed,
        negative_prompt=options.negative_prompt,
        steps=options.steps,
        guidance=options.guidance,
        image=options.image,
        mask=options.mask,
        strength=options.strength,
        previews=options.previews,
    )


def read_size(text: str | None) -> tuple[int, int] | None:
    """ "512x768", or None and "auto" for the model's own. Raises `InvalidRequest`."""
    if text is None or text == "auto":
        return None
    width, separator, height = text.lower().partition("x")
    if not separator or not (width.isdecimal() and height.isdecimal()) or max(len(width), len(height)) > 5:
        raise InvalidRequest(f"Invalid value for 'size': '{text}' is not like 512x512.", param="size")
    size = int(width), int(height)
    if any(side % _STEP_PIXELS or not 64 <= side <= MAX_SIDE for side in size):
        raise InvalidRequest(
            f"Invalid value for 'size': sides are multiples of {_STEP_PIXELS} from 64 to {MAX_SIDE} pixels.",
            param="size",
        )
    return size


def read_picture(data: bytes, param: str, size: tuple[int, int] | None) -> Image:
    """A picture of `size`, else the nearest size that a model takes. Raises `InvalidRequest`. For a thread."""
    return _scaled(_opened(data, param).convert("RGB"), size)


def read_mask(data: bytes, size: tuple[int, int]) -> Image:
    """White where a picture is to be changed. As OpenAI has it, that is where the mask is transparent; a mask without
    transparency says it in white itself. Raises `InvalidRequest`."""
    mask = _opened(data, "mask")
    if "A" in mask.getbands() or "transparency" in mask.info:
        alpha = mask.convert("RGBA").getchannel("A")
        mask = alpha.point(lambda value: 0 if value else 255)
    return _scaled(mask.convert("RGB"), size)


def _opened(data: bytes, param: str) -> PIL.Image.Image:
    try:
        picture = PIL.Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP"))
        if picture.width * picture.height > _MAX_SOURCE_PIXELS:
            raise InvalidRequest(f"{param} has more than {_MAX_SOURCE_PIXELS // 10**6} million pixels.", param=param)
        picture.load()
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise InvalidRequest(f"{param} is no PNG, JPEG or WebP image that can be read.", param=param) from error
    return picture


def _scaled(picture: PIL.Image.Image, size: tuple[int, int] | None) -> Image:
    if size is None:
        shrink = min(1.0, MAX_SIDE / max(picture.size))
        width, height = (max(64, round(side * shrink) // _STEP_PIXELS * _STEP_PIXELS) for side in picture.size)
        size = width, height
    if picture.size != size:
        picture = picture.resize(size, PIL.Image.Resampling.LANCZOS)
    return Image(*size, picture.tobytes())


def encoded(image: Image, form: PictureFormat, quality: int | None = None) -> bytes:
    """`quality` from 0 to 100, of JPEG and WebP. For a thread."""
    picture = PIL.Image.frombytes("RGB", (image.width, image.height), image.pixels)
    buffer = io.BytesIO()
    options = {} if form == "png" or quality is None else {"quality": quality}
    picture.save(buffer, form, **options)
    return buffer.getvalue()

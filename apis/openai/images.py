"""POST /v1/images/generations, /v1/images/edits and /v1/images/variations."""

import asyncio
import base64
import random
import time
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from activity.request_log import observed
from apis.errors import as_service_error, openai_error
from apis.model_names import ModelNames
from apis.openai.answers import ERRORS
from apis.peeked_stream import peek
from apis.timing import server_timing
from instances.images import ImageStep
from media.image_store import ImageStore
from media.images import TASK, ImageOptions, ImageService, PictureFormat, encoded, read_mask, read_picture, read_size
from model_manager import ModelManager
from pools.errors import ModelNotFound
from pools.statistics import Timings
from web.bodies import read_body
from web.errors import InvalidRequest
from web.forms import read_form
from web.openapi import answer, body_schema, form_schema
from web.streaming import JSON, StreamResponse, sse, unless_disconnected

_DEFAULT_STEPS = 50
"""Where neither the request nor the model says it; only to know when to show a picture on its way."""


class VariationRequest(BaseModel):
    """POST /v1/images/variations. `seed`, `steps`, `strength` and `guidance_scale` are extensions."""

    model: str
    n: int = Field(default=1, ge=1, le=10)
    size: str | None = None
    response_format: Literal["url", "b64_json"] = "b64_json"
    output_format: PictureFormat = "png"
    output_compression: int | None = Field(default=None, ge=0, le=100)
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1)
    steps: int | None = Field(default=None, ge=1, le=200)
    guidance_scale: float | None = Field(default=None, ge=0.0, le=50.0)
    negative_prompt: str | None = Field(default=None, max_length=32_000)
    strength: float | None = Field(default=None, gt=0.0, le=1.0)
    stream: bool = False
    partial_images: int = Field(default=0, ge=0, le=3)


class ImageRequest(VariationRequest):
    """POST /v1/images/generations, and /v1/images/edits with a picture."""

    prompt: str = Field(min_length=1, max_length=32_000)


class MadeImage(BaseModel):
    """`url` instead where that was asked for: served here, for an hour."""

    b64_json: str


class ImagesAnswer(BaseModel):
    """With `stream` typed events instead. `seed` makes the same pictures again."""

    created: int
    data: list[MadeImage]
    output_format: PictureFormat
    seed: int


def image_routes(manager: ModelManager, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["OpenAI"], responses=ERRORS)
    service = ImageService(manager)
    store = ImageStore()

    async def generations(request: Request) -> Response:
        asked = await read_body(request, ImageRequest)
        return await answered(request, asked, _options(asked, asked.prompt), "image_generation")

    async def edits(request: Request) -> Response:
        form = await read_form(request)
        asked = form.read(ImageRequest)
        size = read_size(asked.size)
        image = await asyncio.to_thread(read_picture, form.file("image"), "image", size)
        mask = None
        if "mask" in form.files:
            mask = await asyncio.to_thread(read_mask, form.file("mask"), (image.width, image.height))
        return await answered(request, asked, _options(asked, asked.prompt, image=image, mask=mask), "image_edit")

    async def variations(request: Request) -> Response:
        form = await read_form(request)
        asked = form.read(VariationRequest)
        image = await asyncio.to_thread(read_picture, form.file("image"), "image", read_size(asked.size))
        return await answered(request, asked, _options(asked, "", image=image), "image_edit")

    async def answered(request: Request, asked: VariationRequest, options: ImageOptions, event: str) -> Response:
        model = names.resolve(asked.model)
        model.require(TASK)
        if asked.stream and asked.n > 1:
            raise InvalidRequest("A stream shows one image: n must be 1.", param="n")
        timings = Timings(manager.clock())
        drawn = service.draw(model, options, asked.n, timings)
        if asked.stream:
            started = await peek(drawn)
            return StreamResponse(
                _events(started, asked, options, event), media_type="text/event-stream", source=started
            )
        images = await unless_disconnected(request, _finished(drawn, asked))
        data = [_shown(request, store, image, asked) for image in images]
        return JSON(
            {"created": int(time.time()), "data": data, "output_format": asked.output_format, "seed": options.seed},
            headers=server_timing(timings),
        )

    async def kept(name: str) -> Response:
        found = store.get(name)
        if found is None:
            raise ModelNotFound("There is no such image, or no longer: ask for b64_json to keep it.")
        return Response(found[0], media_type=found[1], headers={"Cache-Control": "private, max-age=3600"})

    for prefix in ("/v1", ""):
        for name, endpoint, body in (
            ("generations", generations, body_schema(ImageRequest)),
            ("edits", edits, form_schema(ImageRequest, files=("image",), optional=("mask",))),
            ("variations", variations, form_schema(VariationRequest, files=("image",))),
        ):
            router.add_api_route(
                f"{prefix}/images/{name}",
                endpoint,
                methods=["POST"],
                openapi_extra=body,
                responses=answer(ImagesAnswer, stream="text/event-stream"),
            )
    router.add_api_route(
        "/v1/images/{name}",
        kept,
        methods=["GET"],
        responses={200: {"description": "The picture.", "content": {"image/png": {}}}},
    )
    return router


def _options(asked: VariationRequest, prompt: str, **pictures: Any) -> ImageOptions:
    # A picture every so many steps; how many there are is the model's matter where the request does not say.
    previews = (asked.steps or _DEFAULT_STEPS) // (asked.partial_images + 1) if asked.partial_images else 0
    return ImageOptions(
        prompt,
        random.getrandbits(31) if asked.seed is None else asked.seed,
        size=read_size(asked.size),
        negative_prompt=asked.negative_prompt,
        steps=asked.steps,
        guidance=asked.guidance_scale,
        strength=asked.strength,
        previews=max(1, previews) if asked.partial_images and asked.stream else 0,
        **pictures,
    )


async def _finished(drawn: AsyncGenerator[ImageStep, None], asked: VariationRequest) -> list[bytes]:
    images: list[bytes] = []
    async with aclosing(drawn):
        async for each in drawn:
            if each.finished and each.image:
                images.append(
                    await asyncio.to_thread(encoded, each.image, asked.output_format, asked.output_compression)
                )
    return images


def _shown(request: Request, store: ImageStore, image: bytes, asked: VariationRequest) -> dict[str, str]:
    if asked.response_format == "b64_json":
        return {"b64_json": base64.b64encode(image).decode("ascii")}
    name = store.put(image, f"image/{asked.output_format}")
    return {"url": str(request.base_url.replace(path=f"/v1/images/{name}"))}


async def _events(
    drawn: AsyncIterable[ImageStep], asked: VariationRequest, options: ImageOptions, event: str
) -> AsyncGenerator[bytes, None]:
    """A comment for each step, so that clients that show it can; OpenAI has no event for that."""
    partial = 0
    try:
        with observed():
            async for each in drawn:
                if each.image is None:
                    yield f": step {each.step} of {each.steps}\n\n".encode()
                    continue
                image = await asyncio.to_thread(encoded, each.image, asked.output_format, asked.output_compression)
                shown: dict[str, Any] = {
                    "b64_json": base64.b64encode(image).decode("ascii"),
                    "created_at": int(time.time()),
                    "size": f"{each.image.width}x{each.image.height}",
                    "quality": "auto",
                    "background": "opaque",
                    "output_format": asked.output_format,
                }
                if each.finished:
                    yield sse({"type": f"{event}.completed", **shown, "seed": options.seed}, event=f"{event}.completed")
                elif partial < asked.partial_images:
                    kind = f"{event}.partial_image"
                    yield sse({"type": kind, **shown, "partial_image_index": partial}, event=kind)
                    partial += 1
    except Exception as error:
        yield sse(openai_error(as_service_error(error)))

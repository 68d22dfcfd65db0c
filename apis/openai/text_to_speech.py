"""POST /v1/audio/speech, and GET /v1/audio/voices as peers have it."""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from activity.request_log import observed
from apis.errors import as_service_error, openai_error
from apis.model_names import ModelNames
from apis.openai.answers import ERRORS
from apis.peeked_stream import peek
from apis.timing import server_timing
from instances.text_to_speech import voices
from media.encode import MEDIA_TYPES, AudioFormat, encoder, whole
from media.text_to_speech import TASK, Sound, SpeechService
from model_manager import ModelManager
from pools.served_model import ServedModel
from pools.statistics import Timings
from web.bodies import read_body
from web.errors import InvalidRequest
from web.openapi import answer, body_schema
from web.streaming import JSON, StreamResponse, sse, unless_disconnected

_LONGEST_INPUT = 4096
"""Characters, as OpenAI has it."""
_OPENAI_VOICES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"),
    "default",
)
"""OpenAI's names, which its clients cannot leave out: where the model has no such voice, its own is meant."""


class CustomVoice(BaseModel):
    id: str


class SpeechRequest(BaseModel):
    """POST /v1/audio/speech. `language` is an extension, for Kokoro: "en-us", "en-gb"."""

    model: str
    input: str = Field(min_length=1, max_length=_LONGEST_INPUT)
    voice: str | CustomVoice = ""
    response_format: AudioFormat = "mp3"
    speed: float = Field(default=1.0, ge=0.25, le=4.0)
    stream_format: Literal["sse", "audio"] | None = None
    language: str | None = Field(default=None, max_length=20)


class VoiceObject(BaseModel):
    id: str
    name: str
    model: str


class VoicesAnswer(BaseModel):
    object: Literal["list"]
    voices: list[VoiceObject]


def speech_routes(manager: ModelManager, names: ModelNames) -> APIRouter:
    router = APIRouter(tags=["OpenAI"], responses=ERRORS)
    service = SpeechService(manager)

    async def speak(request: Request) -> Response:
        asked = await read_body(request, SpeechRequest)
        model = names.resolve(asked.model)
        model.require(TASK)
        if not asked.input.strip():
            raise InvalidRequest("The input must not be empty.", param="input")
        timings = Timings(manager.clock())
        sounds = service.speak(
            model,
            asked.input,
            timings,
            voice=_voice(asked.voice, model),
            speed=asked.speed,
            language=asked.language or "",
        )
        if asked.stream_format is None and asked.response_format == "wav":  # whose header says how long it is
            data = await unless_disconnected(request, _all(sounds))
            return Response(data, media_type=MEDIA_TYPES["wav"], headers=server_timing(timings))
        started = await peek(sounds)
        if asked.stream_format == "sse":
            return StreamResponse(_events(started, asked), media_type="text/event-stream", source=started)
        return StreamResponse(
            _pieces(started, asked.response_format), media_type=MEDIA_TYPES[asked.response_format], source=started
        )

    async def list_voices(model: str | None = None) -> Response:
        models = [names.resolve(model)] if model else [each for each in names.listed() if each.task == TASK]
        found = [
            {"id": voice, "name": voice, "model": each.public_id}
            for each in models
            for voice in (await asyncio.to_thread(voices, each.directory)) or ["default"]
        ]
        return JSON({"object": "list", "voices": found})

    for prefix in ("/v1", ""):
        router.add_api_route(
            f"{prefix}/audio/speech",
            speak,
            methods=["POST"],
            openapi_extra=body_schema(SpeechRequest),
            responses={
                200: {
                    "description": "The sound.",
                    "content": {kind: {} for kind in (*MEDIA_TYPES.values(), "text/event-stream")},
                }
            },
        )
        router.add_api_route(f"{prefix}/audio/voices", list_voices, methods=["GET"], responses=answer(VoicesAnswer))
    return router


def _voice(asked: str | CustomVoice, model: ServedModel) -> str:
    name = asked if isinstance(asked, str) else asked.id
    return "" if name in _OPENAI_VOICES and name not in voices(model.directory) else name


async def _all(sounds: AsyncGenerator[Sound, None]) -> bytes:
    async with aclosing(sounds):
        heard = [sound async for sound in sounds]
    return whole("wav", heard[0].rate, np.concatenate([sound.samples for sound in heard]))


async def _pieces(sounds: AsyncIterable[Sound], form: AudioFormat) -> AsyncGenerator[bytes, None]:
    made = None
    with observed():
        async for sound in sounds:
            made = made or encoder(form, sound.rate)
            if piece := await asyncio.to_thread(made.push, sound.samples):
                yield piece
    if made is not None and (rest := made.finish()):
        yield rest


async def _events(sounds: AsyncIterable[Sound], asked: SpeechRequest) -> AsyncGenerator[bytes, None]:
    def event(data: bytes) -> dict[str, Any]:
        return {"type": "speech.audio.delta", "audio": base64.b64encode(data).decode("ascii")}

    try:
        async for piece in _pieces(sounds, asked.response_format):
            yield sse(event(piece))
    except Exception as error:
        yield sse(openai_error(as_service_error(error)))
        return
    # Characters are what a model of speech reads; it has no other tokens to count.
    read = len(asked.input)
    yield sse({"type": "speech.audio.done", "usage": {"input_tokens": read, "output_tokens": 0, "total_tokens": read}})

"""POST /v1/audio/transcriptions and /v1/audio/translations."""

import zlib
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse

from activity.request_log import observed
from apis.errors import as_service_error, openai_error
from apis.model_names import ModelNames
from apis.openai.answers import ERRORS
from apis.peeked_stream import peek
from apis.subtitles import srt, vtt
from apis.timing import server_timing
from media.transcription import SAMPLE_RATE, TranscriptionOptions, TranscriptionService, TranscriptPart
from model_manager import ModelManager
from pools.served_model import ServedModel
from pools.statistics import Timings
from web.errors import InvalidRequest
from web.forms import read_form
from web.openapi import answer, form_schema
from web.streaming import JSON, SSE_DONE, StreamResponse, sse, unless_disconnected

_LONGEST_PROMPT = 4096
_WINDOWS = 3
"""Transcribed as one piece where the first words are not waited for. Of more, a slow device is silent for minutes."""


class TranslationRequest(BaseModel):
    """POST /v1/audio/translations: to English."""

    model: str
    prompt: str | None = Field(default=None, max_length=_LONGEST_PROMPT)
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json"
    temperature: float = Field(default=0.0, ge=0.0, le=1.0)
    stream: bool = False


class TranscriptionRequest(TranslationRequest):
    """POST /v1/audio/transcriptions."""

    language: str | None = Field(default=None, max_length=20)
    timestamp_granularities: list[Literal["word", "segment"]] = Field(default_factory=list)


class TranscriptionUsage(BaseModel):
    type: Literal["duration"]
    seconds: float


class TranscriptionAnswer(BaseModel):
    """With `verbose_json` also task, language, duration, segments and words."""

    text: str
    usage: TranscriptionUsage


def transcription_routes(manager: ModelManager, names: ModelNames) -> APIRouter:
    router = APIRouter(responses=ERRORS)
    service = TranscriptionService(manager)

    async def transcriptions(request: Request) -> Response:
        return await answered(request, TranscriptionRequest)

    async def translations(request: Request) -> Response:
        return await answered(request, TranslationRequest)

    async def answered(request: Request, schema: type[TranslationRequest]) -> Response:
        form = await read_form(request)
        asked = form.read(schema)
        model = names.resolve(asked.model)
        model.require("transcription")
        options = _options(asked, model)
        samples = await unless_disconnected(request, service.decode(form.file("file")))
        seconds = len(samples) / SAMPLE_RATE
        timings = Timings(manager.clock())
        parts = service.transcribe(model, samples, options, timings)
        if asked.stream:
            started = await peek(parts)
            return StreamResponse(_events(started, seconds), media_type="text/event-stream", source=started)
        heard = await unless_disconnected(request, _all(parts))
        return _whole(asked, options, heard, seconds, server_timing(timings))

    for path, endpoint, schema in (
        ("/v1/audio/transcriptions", transcriptions, TranscriptionRequest),
        ("/v1/audio/translations", translations, TranslationRequest),
    ):
        for each in (path, path.removeprefix("/v1")):
            router.add_api_route(
                each,
                endpoint,
                methods=["POST"],
                tags=["OpenAI"],
                openapi_extra=form_schema(schema, files=("file",)),
                responses=answer(TranscriptionAnswer, stream="text/event-stream"),
            )
    return router


def _options(asked: TranslationRequest, model: ServedModel) -> TranscriptionOptions:
    """Raises `InvalidRequest` where the answer would have to make up times."""
    granularities = asked.timestamp_granularities if isinstance(asked, TranscriptionRequest) else []
    if granularities and asked.response_format != "verbose_json":
        raise InvalidRequest(
            "timestamp_granularities need the response_format verbose_json.", param="timestamp_granularities"
        )
    if model.on_npu and (granularities or asked.response_format in ("srt", "vtt")):
        param = "timestamp_granularities" if granularities else "response_format"
        raise InvalidRequest(f"'{model.public_id}' tells no times: the library has none on an NPU.", param=param)
    return TranscriptionOptions(
        language=_language(asked.language) if isinstance(asked, TranscriptionRequest) else None,
        prompt=asked.prompt or None,
        temperature=asked.temperature,
        translate=not isinstance(asked, TranscriptionRequest),
        words="word" in granularities,
        windows=1 if asked.stream else _WINDOWS,
    )


def _language(given: str | None) -> str | None:
    """ISO 639-1, also where a client sends a region with it, as in zh-TW."""
    return given.strip().lower().replace("_", "-").partition("-")[0] or None if given else None


async def _all(parts: AsyncGenerator[TranscriptPart, None]) -> list[TranscriptPart]:
    async with aclosing(parts):
        return [part async for part in parts]


def _whole(
    asked: TranslationRequest,
    options: TranscriptionOptions,
    heard: list[TranscriptPart],
    seconds: float,
    headers: dict[str, str],
) -> Response:
    text = _text(heard)
    segments = [segment for part in heard for segment in part.segments]
    match asked.response_format:
        case "text":
            return PlainTextResponse(text + "\n", headers=headers)
        case "srt":
            return PlainTextResponse(srt(segments), headers=headers)
        case "vtt":
            return PlainTextResponse(vtt(segments), media_type="text/vtt", headers=headers)
        case "json":
            return JSON({"text": text, "usage": _usage(seconds)}, headers=headers)
        case "verbose_json":
            return JSON(_verbose(asked, options, heard, seconds), headers=headers)


def _verbose(
    asked: TranslationRequest, options: TranscriptionOptions, heard: list[TranscriptPart], seconds: float
) -> dict[str, Any]:
    granularities = asked.timestamp_granularities if isinstance(asked, TranscriptionRequest) else []
    language = next((part.language for part in heard if part.language), options.language)
    verbose: dict[str, Any] = {
        "task": "translate" if options.translate else "transcribe",
        "language": language,
        "duration": round(seconds, 3),
        "text": _text(heard),
        "usage": _usage(seconds),
    }
    if "segment" in granularities or not granularities:
        placed = [(part.offset, segment) for part in heard for segment in part.segments]
        verbose["segments"] = [
            {
                "id": number,
                "seek": round(offset * 100),
                "start": round(segment.start, 2),
                "end": round(segment.end, 2),
                "text": segment.text,
                "tokens": segment.tokens,
                "temperature": asked.temperature,
                "compression_ratio": _compression_ratio(segment.text),
                # The library tells neither; an invented number would be taken for one.
                "avg_logprob": None,
                "no_speech_prob": None,
            }
            for number, (offset, segment) in enumerate(placed)
        ]
    if options.words:
        verbose["words"] = [
            {"word": word.text.strip(), "start": round(word.start, 2), "end": round(word.end, 2)}
            for part in heard
            for word in part.words
        ]
    return verbose


def _compression_ratio(text: str) -> float:
    """As Whisper's own code reckons it: a text that repeats itself has a high one."""
    data = text.encode()
    return round(len(data) / len(zlib.compress(data)), 3)


async def _events(parts: AsyncIterable[TranscriptPart], seconds: float) -> AsyncGenerator[bytes, None]:
    heard: list[TranscriptPart] = []
    try:
        with observed():
            async for part in parts:
                before = _text(heard)
                heard.append(part)
                if delta := _text(heard)[len(before) :]:
                    yield sse({"type": "transcript.text.delta", "delta": delta})
    except Exception as error:
        yield sse(openai_error(as_service_error(error)))
        return
    yield sse({"type": "transcript.text.done", "text": _text(heard), "usage": _usage(seconds)})
    yield SSE_DONE


def _text(heard: list[TranscriptPart]) -> str:
    """Whisper's segments begin with the space that separates them, in languages that have one."""
    return "".join(part.text for part in heard).strip()


def _usage(seconds: float) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(seconds, 3)}

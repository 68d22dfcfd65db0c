"""A recording to text: window after window, each a piece of work that queues by itself."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from activity.request_log import note_answer, note_work
from instances.transcription import SAMPLE_RATE, TimedText, Transcribe, Transcript
from media.decode import Samples, decoded
from media.windows import is_over, quietest, understood, window_end
from media.work import results
from model_manager import ModelManager
from pools.served_model import ServedModel
from pools.statistics import Timings

TASK = "transcription"
_DECODING_AT_ONCE = 2


@dataclass(frozen=True)
class TranscriptionOptions:
    """`windows`: how many are heard as one piece; several are heard a little better, since their loudness is
    measured over all of them. `language` as ISO 639-1 has it, None: found out. `temperature` from 0, the likeliest
    words, to 1."""

    language: str | None = None
    prompt: str | None = None
    temperature: float = 0.0
    translate: bool = False
    words: bool = False
    windows: int = 1


@dataclass(frozen=True)
class TranscriptPart:
    """A further part of the text. Times in seconds of the recording; `offset`: where its window begins. Without
    `segments` where the model tells no times."""

    text: str
    language: str
    offset: float
    segments: list[TimedText]
    words: list[TimedText]


class TranscriptionService:
    """Hears with the models of one device."""

    def __init__(self, manager: ModelManager) -> None:
        self._manager = manager
        self._decoding = asyncio.Semaphore(_DECODING_AT_ONCE)

    async def decode(self, data: bytes) -> Samples:
        """Raises `UnusableAudio`."""
        async with self._decoding:
            return await asyncio.to_thread(decoded, data, SAMPLE_RATE)

    async def transcribe(
        self, model: ServedModel, samples: Samples, options: TranscriptionOptions, timings: Timings
    ) -> AsyncGenerator[TranscriptPart, None]:
        """The parts of what is said, in order. Raises `InvalidRequest` on another kind of model and on a language that
        it does not know, and as `ModelManager.work`."""
        model.require(TASK)
        note_work(timings)
        timings.audio_seconds = len(samples) / SAMPLE_RATE
        with self._manager.counted(model.id, timings):
            start = 0
            asked = Transcribe(
                b"",
                options.language,
                options.translate,
                options.prompt,
                timestamps=not model.on_npu,
                words=options.words,
                temperature=options.temperature,
                seed=random.getrandbits(31),
            )
            while not is_over(samples, start):
                end = window_end(samples, start, at_pause=model.on_npu, windows=1 if model.on_npu else options.windows)
                transcript = await self._window(model, samples[start:end], asked, timings)
                done = end - start
                if end < len(samples) and asked.timestamps:
                    if found := understood(transcript, done):
                        transcript, done = found
                    else:  # one sentence without an end: it is cut where it pauses
                        done = quietest(samples, start + done * 2 // 3, end) - start
                        transcript = await self._window(model, samples[start : start + done], asked, timings)
                heard = _placed(transcript, start / SAMPLE_RATE)
                note_answer(heard.text)
                yield heard
                # As the library does: what was heard first says which language it is, and the prompt stands before it.
                asked = msgspec.structs.replace(asked, language=transcript.language or asked.language, prompt=None)
                start += done

    async def _window(self, model: ServedModel, samples: Samples, asked: Transcribe, timings: Timings) -> Transcript:
        heard = (samples.astype("<f4") / 32768.0).astype("<f4").tobytes()
        asked = msgspec.structs.replace(asked, samples=heard)
        async with aclosing(results(self._manager, model, asked, Transcript, timings)) as pieces:
            [transcript] = [piece async for piece in pieces]
        timings.generated_tokens += sum(len(segment.tokens) for segment in transcript.segments)
        return _plain_language(transcript)


def _plain_language(transcript: Transcript) -> Transcript:
    """Its language as ISO 639-1 has it, without the marks of a token."""
    return msgspec.structs.replace(transcript, language=transcript.language.strip("<|>"))


def _placed(transcript: Transcript, offset: float) -> TranscriptPart:
    def moved(timed: list[TimedText]) -> list[TimedText]:
        return [TimedText(each.start + offset, each.end + offset, each.text, each.tokens) for each in timed]

    return TranscriptPart(
        transcript.text, transcript.language, offset, moved(transcript.segments), moved(transcript.words)
    )

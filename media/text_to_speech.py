"""A text to speech: sentence after sentence, each a piece of work that queues by itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from activity.request_log import note_prompt, note_work
from instances.text_to_speech import SynthesizedSpeech, SynthesizeSpeech
from media.encode import Floats
from media.sentences import sentences
from media.work import results
from model_manager import ModelManager
from pools.served_model import ServedModel
from pools.statistics import Timings
from web.errors import InvalidRequest

TASK = "speech"


@dataclass(frozen=True)
class Sound:
    """Mono samples, `rate` a second."""

    samples: Floats
    rate: int


class SpeechService:
    """Speaks with the models of one device."""

    def __init__(self, manager: ModelManager) -> None:
        self._manager = manager

    async def speak(
        self,
        model: ServedModel,
        text: str,
        timings: Timings,
        *,
        voice: str = "",
        speed: float = 1.0,
        language: str = "",
    ) -> AsyncGenerator[Sound, None]:
        """The sound of each sentence that has one. Raises `InvalidRequest` on another kind of model, on a voice that it
        does not have, on a speed that it cannot take and on a text without any sound, and as `ModelManager.work`."""
        model.require(TASK)
        note_work(timings)
        note_prompt(text)
        with self._manager.counted(model.id, timings):
            for sentence in sentences(text):
                asked = SynthesizeSpeech(sentence, voice, speed, language)
                async with aclosing(results(self._manager, model, asked, SynthesizedSpeech, timings)) as pieces:
                    async for spoken in pieces:
                        sound = Sound(np.frombuffer(spoken.samples, dtype="<f4"), spoken.rate)
                        if not len(sound.samples):
                            continue
                        timings.audio_seconds += len(sound.samples) / sound.rate
                        yield sound
            if not timings.audio_seconds:
                raise InvalidRequest(
                    f"'{model.public_id}' found nothing to say in the input: it may be of a language that it does not "
                    "speak.",
                    param="input",
                )

"""Speech synthesis with Text2SpeechPipeline (SpeechT5, Kokoro): a piece of work is one sentence.

The words of this kind stand first; they load nothing of OpenVINO.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from instances.protocol import LoadModel
from instances.work import WorkPipeline, properties_of

VOICES_FOLDER = "voices"
_VOICE_SUFFIX = ".bin"
_KOKORO_WIDTH = 256
_KOKORO_LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr-fr",
    "h": "hi",
    "i": "it",
    "p": "pt-br",
    "j": "Japanese",
    "z": "Chinese",
}
"""By the first letter of a voice's name, as in af_heart."""
_NOT_SPOKEN = ("Japanese", "Chinese")
_KOKORO_VOICE = re.compile("[a-z][fm]_")


class SynthesizeSpeech(msgspec.Struct, frozen=True, omit_defaults=True):
    """Say `text`. `voice`: a name from `voices`, empty for the model's own. `speed`: 1 is the model's own."""

    text: str
    voice: str = ""
    speed: float = 1.0
    language: str = ""


class SynthesizedSpeech(msgspec.Struct, frozen=True):
    """`samples` are little-endian 32-bit floats, mono, `rate` a second; none of a text without anything to say."""

    samples: bytes
    rate: int


def voices(directory: Path) -> list[str]:
    """The voices that a model's folder holds: files of 32-bit floats, in `voices`."""
    return sorted(path.stem for path in (directory / VOICES_FOLDER).glob(f"*{_VOICE_SUFFIX}"))


class SpeechSynthesizer(WorkPipeline[SynthesizeSpeech]):
    asks = SynthesizeSpeech

    def __init__(self, spec: LoadModel) -> None:
        import openvino_genai as genai

        super().__init__()
        self._directory = Path(spec.directory)
        self._kokoro = not (self._directory / "openvino_postnet.xml").is_file()
        self._pipeline = genai.Text2SpeechPipeline(spec.directory, spec.device, **properties_of(spec))

    def sample(self) -> SynthesizeSpeech:
        known = voices(self._directory)
        return SynthesizeSpeech("Hello.", known[0] if known else "")

    def work(
        self, asked: SynthesizeSpeech, tell: Callable[[msgspec.Struct], None], cancelled: Callable[[], bool]
    ) -> None:
        import openvino as ov

        options: dict[str, object] = {}
        if self._kokoro:
            options["speed"] = asked.speed
            if language := asked.language or self._language(asked.voice):
                options["language"] = language
        elif asked.speed != 1.0:
            raise ValueError("it speaks at one speed only: SpeechT5 has no other")
        voice = self._voice(asked.voice)
        cancelled()
        try:
            result = self._pipeline.generate(asked.text, ov.Tensor(voice) if voice is not None else None, **options)
        except RuntimeError as error:
            raise ValueError(_reason(str(error))) from error
        samples = np.asarray(result.speeches[0].data, dtype="<f4").reshape(-1)
        tell(SynthesizedSpeech(samples.tobytes(), result.output_sample_rate))

    def _language(self, voice: str) -> str | None:
        """That of a voice of Kokoro, None where its name does not tell. Raises ValueError on one that is not spoken."""
        name = voice or next(iter(voices(self._directory)), "")
        language = _KOKORO_LANGUAGES.get(name[:1]) if _KOKORO_VOICE.match(name) else None
        if language in _NOT_SPOKEN:
            raise ValueError(f"'{name}' is a voice for {language}, which OpenVINO GenAI does not speak with Kokoro")
        return language

    def _voice(self, name: str) -> np.ndarray | None:
        """Raises ValueError on one that is not there."""
        known = voices(self._directory)
        if not name:
            name = known[0] if known and self._kokoro else ""
        if not name:
            if self._kokoro:
                raise ValueError(f"its folder has no voices ({VOICES_FOLDER}/<name>{_VOICE_SUFFIX})")
            return None
        if name not in known:
            raise ValueError(f"it has no voice '{name}'; it has {', '.join(known) or 'its own only'}")
        numbers = np.fromfile(self._directory / VOICES_FOLDER / f"{name}{_VOICE_SUFFIX}", dtype="<f4")
        # A row for each length of a text in Kokoro; SpeechT5 has one row.
        return numbers.reshape(-1, 1, _KOKORO_WIDTH) if self._kokoro else numbers.reshape(1, -1)


def _reason(error: str) -> str:
    if "lexicon" in error:  # what follows are the places where it looked
        return "its folder lacks the English dictionary (us_gold.json, us_silver.json and those of gb in data)"
    return error.strip().splitlines()[-1].strip()

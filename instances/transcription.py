"""Speech recognition with WhisperPipeline: a piece of work is one window of speech, 30 s at most, or a few of them.

The words of this kind stand first; they load nothing of OpenVINO.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from instances.protocol import LoadModel
from instances.work import WorkPipeline, properties_of

if TYPE_CHECKING:
    import openvino_genai as genai

SAMPLE_RATE = 16_000
WINDOW_SECONDS = 30
_ENGLISH = "en"


class Transcribe(msgspec.Struct, frozen=True, omit_defaults=True):
    """Write down what is said in `samples`: little-endian 32-bit floats, mono, `SAMPLE_RATE` a second. `language` as
    ISO 639-1 has it, None: the model finds out. `prompt`: text that is taken to have come before."""

    samples: bytes
    language: str | None = None
    translate: bool = False
    prompt: str | None = None
    timestamps: bool = True
    words: bool = False
    temperature: float = 0.0
    seed: int = 0


class TimedText(msgspec.Struct, frozen=True, array_like=True):
    """`start` and `end` in seconds of the window. `tokens`: the model's ids of the text, of a segment."""

    start: float
    end: float
    text: str
    tokens: list[int] = []


class Transcript(msgspec.Struct, frozen=True):
    """`language` is empty where the model knows one alone."""

    text: str
    language: str
    segments: list[TimedText]
    words: list[TimedText]


class Transcriber(WorkPipeline[Transcribe]):
    """Loaded anew for times of words once they are asked for: with them the model's attention is computed in another,
    slower way."""

    asks = Transcribe

    def __init__(self, spec: LoadModel) -> None:
        super().__init__()
        self._spec = spec
        self._times_words = False
        self._pipeline = self._load()

    def sample(self) -> Transcribe:
        languages = self._config().lang_to_id
        known = _ENGLISH if f"<|{_ENGLISH}|>" in languages else None
        return Transcribe(bytes(4 * SAMPLE_RATE), known, timestamps=not self._on_npu)

    def work(self, asked: Transcribe, tell: Callable[[msgspec.Struct], None], cancelled: Callable[[], bool]) -> None:
        import openvino_genai as genai

        if asked.words and not self._times_words:
            self._time_words()
        config = self._configured(asked)

        def goes_on(_: str) -> genai.StreamingStatus:
            return genai.StreamingStatus.CANCEL if cancelled() else genai.StreamingStatus.RUNNING

        samples = np.frombuffer(asked.samples, dtype="<f4")
        # The library takes a streamer for one window only.
        streamer = goes_on if len(samples) <= WINDOW_SECONDS * SAMPLE_RATE else None
        result = self._pipeline.generate(samples, config, streamer)  # pyright: ignore[reportArgumentType]
        tokenizer = self._pipeline.get_tokenizer()
        segments = [
            TimedText(
                each.start_ts,
                each.end_ts,
                each.text,
                tokenizer.encode(each.text, add_special_tokens=False).input_ids.data[0].tolist(),
            )
            for each in result.chunks or []
        ]
        words = [TimedText(each.start_ts, each.end_ts, each.word) for each in result.words or []]
        tell(Transcript(result.texts[0], result.language or asked.language or "", segments, words))

    @property
    def _on_npu(self) -> bool:
        return self._spec.device.startswith("NPU")

    def _config(self) -> genai.WhisperGenerationConfig:
        return self._pipeline.get_generation_config()

    def _load(self) -> genai.WhisperPipeline:
        import openvino_genai as genai

        properties = properties_of(self._spec)
        if self._times_words:
            properties["word_timestamps"] = True
        return genai.WhisperPipeline(self._spec.directory, self._spec.device, **properties)

    def _time_words(self) -> None:
        if self._on_npu or not self._config().alignment_heads:
            raise ValueError("it has no times of words" + (" on an NPU" if self._on_npu else ": its files name none"))
        del self._pipeline  # never both at once
        self._times_words = True
        self._pipeline = self._load()

    def _configured(self, asked: Transcribe) -> genai.WhisperGenerationConfig:
        config = self._config()
        config.return_timestamps = asked.timestamps
        config.word_timestamps = asked.words
        if asked.temperature > 0:
            config.do_sample, config.temperature, config.rng_seed = True, asked.temperature, asked.seed
        if asked.prompt:
            config.initial_prompt = asked.prompt
        if not config.is_multilingual:
            if asked.translate or asked.language not in (None, _ENGLISH):
                raise ValueError("it knows English only")
            return config
        if asked.language is not None:
            token = f"<|{asked.language}|>"
            if token not in config.lang_to_id:
                known = ", ".join(sorted(name.strip("<|>") for name in config.lang_to_id))
                raise ValueError(f"it does not know the language '{asked.language}'; it knows {known}")
            config.language = token
        elif self._on_npu:
            raise ValueError("on an NPU it does not find out the language by itself: say which it is")
        config.task = "translate" if asked.translate else "transcribe"
        return config

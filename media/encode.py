"""Samples to an audio file, as they come."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import av

AudioFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
MEDIA_TYPES: dict[AudioFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
PCM_RATE = 24_000
"""OpenAI's `pcm`: 24 kHz, 16 bits, mono, without a header."""
_CONTAINERS = {
    "mp3": ("mp3", "libmp3lame"),
    "opus": ("ogg", "libopus"),
    "aac": ("adts", "aac"),
    "flac": ("flac", "flac"),
}
_RATES = {"mp3": (16_000, 22_050, 24_000, 44_100, 48_000), "opus": (48_000,)}
_UNKNOWN_LENGTH = 0xFFFFFFFF

Floats = npt.NDArray[np.float32]


class AudioEncoder(Protocol):
    def push(self, samples: Floats) -> bytes:
        """The bytes that are there after these samples, between -1 and 1."""
        ...

    def finish(self) -> bytes:
        """The last bytes."""
        ...


def encoder(form: AudioFormat, rate: int) -> AudioEncoder:
    """For mono samples, `rate` a second."""
    if form == "pcm":
        return _Plain(rate, PCM_RATE, b"")
    if form == "wav":
        return _Plain(rate, rate, wav_header(rate, None))
    return _Compressed(form, rate)


def wav_header(rate: int, samples: int | None) -> bytes:
    """Of 16 bits, mono; None: nobody knows how many are to come."""
    size = _UNKNOWN_LENGTH if samples is None else 2 * samples
    riff = _UNKNOWN_LENGTH if samples is None else size + 36
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI8s", b"RIFF", riff, b"WAVEfmt ") + form + struct.pack("<4sI", b"data", size)


def whole(form: AudioFormat, rate: int, samples: Floats) -> bytes:
    if form == "wav":
        return wav_header(rate, len(samples)) + _sixteen_bits(samples).tobytes()
    made = encoder(form, rate)
    return made.push(samples) + made.finish()


def _sixteen_bits(samples: Floats) -> npt.NDArray[np.int16]:
    return (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2")


def _frame(samples: Floats, rate: int, at: int) -> av.AudioFrame:
    import av

    frame = av.AudioFrame.from_ndarray(_sixteen_bits(samples).reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), at
    return frame


class _Plain:
    def __init__(self, rate: int, to: int, header: bytes) -> None:
        import av  # 17 MB that most servers never need

        self._rate = rate
        self._resampler = None if rate == to else av.AudioResampler(format="s16", layout="mono", rate=to)
        self._header = header
        self._at = 0

    def push(self, samples: Floats) -> bytes:
        header, self._header = self._header, b""
        if self._resampler is None:
            return header + _sixteen_bits(samples).tobytes()
        frames = self._resampler.resample(_frame(samples, self._rate, self._at)) if len(samples) else []
        self._at += len(samples)
        return header + b"".join(frame.to_ndarray().tobytes() for frame in frames)

    def finish(self) -> bytes:
        frames = self._resampler.resample(None) if self._resampler and self._at else []
        return self._header + b"".join(frame.to_ndarray().tobytes() for frame in frames)


class _Compressed:
    def __init__(self, form: str, rate: int) -> None:
        import av

        container, codec = _CONTAINERS[form]
        self._file = io.BytesIO()
        self._sent = 0
        self._rate = rate
        self._at = 0
        rates = _RATES.get(form, (rate,))
        self._container = av.open(self._file, mode="w", format=container)
        stream = self._container.add_stream(codec, rate=rate if rate in rates else rates[-1])
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        self._stream = stream

    def push(self, samples: Floats) -> bytes:
        if len(samples):
            frame = _frame(samples, self._rate, self._at)
            self._at += len(samples)
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        return self._news()

    def finish(self) -> bytes:
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        return self._news()

    def _news(self) -> bytes:
        data = self._file.getvalue()[self._sent :]
        self._sent += len(data)
        return data

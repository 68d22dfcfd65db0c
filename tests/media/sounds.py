"""Audio files to upload."""

import io
import wave
from fractions import Fraction

import av
import numpy as np

RATE = 16_000
CODECS = {
    "wav": "pcm_s16le",
    "mp3": "libmp3lame",
    "flac": "flac",
    "ogg": "libopus",
    "ipod": "aac",
    "adts": "aac",
    "webm": "libopus",
}


def tone(seconds: float, *, loudness: float = 0.3) -> np.ndarray:
    """Of 440 Hz, 16 bits."""
    return (np.sin(np.arange(int(RATE * seconds)) * 440 * 2 * np.pi / RATE) * loudness * 32767).astype(np.int16)


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def file_of(container: str, samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(CODECS[container], rate=48_000 if CODECS[container] == "libopus" else RATE)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)
    return buffer.getvalue()

"""Any usual audio file to samples, within bounds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from web.errors import InvalidRequest

if TYPE_CHECKING:
    from av.container import InputContainer

MAX_SECONDS = 2 * 60 * 60
"""Of one file: 230 MB of samples."""
_MAX_CHANNELS = 8

Samples = npt.NDArray[np.int16]

_FORMATS = "wav, mp3, flac, ogg (Vorbis or Opus), m4a or mp4, aac and webm"


class UnusableAudio(InvalidRequest):
    code = "invalid_audio"


def decoded(data: bytes, rate: int, *, max_seconds: float = MAX_SECONDS) -> Samples:
    """Mono samples of 16 bits, `rate` a second. Raises `UnusableAudio`. Takes as long as the file; for a thread.

    What the file declares of itself is believed only where that refuses it: the bound is on what really comes out, so
    that a small file that unpacks to days of silence ends there too.
    """
    import av  # 17 MB that most servers never need
    from av.error import FFmpegError

    container = _container_of(data)
    too_long = UnusableAudio(f"The audio is longer than {max_seconds / 60:g} minutes.", param="file")
    pieces: list[Samples] = []
    length = 0
    try:
        # The demuxer is named: left to itself the library also reads playlists, which name other files and addresses.
        with av.open(io.BytesIO(data), mode="r", format=container, metadata_errors="ignore") as file:
            if (file.duration or 0) > max_seconds * av.time_base:
                raise too_long
            for piece in _pieces(file, rate):
                length += len(piece)
                if length > rate * max_seconds:
                    raise too_long
                pieces.append(piece)
    except (FFmpegError, ValueError, OverflowError, MemoryError) as error:
        after = f" after {length / rate:.1f} s" if length else ""
        reason = getattr(error, "strerror", None) or str(error)
        raise UnusableAudio(f"The audio cannot be decoded{after} ({container}): {reason}.", param="file") from error
    if not length:
        raise UnusableAudio("The file holds no sound.", param="file")
    return np.concatenate(pieces)


def _pieces(file: InputContainer, rate: int) -> Iterator[Samples]:
    import av

    if not file.streams.audio:
        raise UnusableAudio("The file has no audio track.", param="file")
    stream = file.streams.audio[0]
    if stream.codec_context is None:  # PyAV's annotation leaves this out: the codec is unknown to it
        raise UnusableAudio("The audio's codec is not known here.", param="file")
    if stream.codec_context.channels > _MAX_CHANNELS:
        raise UnusableAudio(f"The audio has more than {_MAX_CHANNELS} channels.", param="file")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    for frame in chain(file.decode(stream), [None]):
        for resampled in resampler.resample(frame):
            yield resampled.to_ndarray().reshape(-1).astype(np.int16, copy=False)


def _container_of(data: bytes) -> str:
    """FFmpeg's name of the container, by its first bytes. Raises `UnusableAudio`."""
    if not data:
        raise UnusableAudio("The file is empty.", param="file")
    head = data[:16]
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[4:8] == b"ftyp":
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:3] == b"ID3":
        return "mp3"
    if head[0] == 0xFF and head[1:2] and head[1] & 0xF6 == 0xF0:
        return "aac"
    if head[0] == 0xFF and head[1:2] and head[1] & 0xE0 == 0xE0:
        return "mp3"
    raise UnusableAudio(f"The file is of no known audio format: {_FORMATS} are.", param="file")

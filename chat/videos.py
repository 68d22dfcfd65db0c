"""A short clip to the frames that a model looks at, within bounds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from PIL import Image as Pillow

from instances.protocol import Video

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

MAX_FRAMES = 32
MAX_SECONDS = 120
FORMATS = "MP4, MOV, WebM, MKV and AVI"
_INTERVAL = 0.5
"""Seconds between two frames, as models were taught; longer where a clip has more than `MAX_FRAMES` of them."""
_LONGEST_EDGE = 512
_MAX_PIXELS = 4096 * 2304
_MAX_DECODED_PIXELS = 8 * 10**9
"""Of all frames that are decoded: two minutes in 1080p, half a minute in 4K; some twenty seconds of one core."""
_UNKNOWN_FPS = Fraction(24)
_ROUNDING = 0.001
"""Seconds, as the coarsest containers count."""
_MANY_FRAMES = 12
"""A second: enough to leave some out."""


class UnusableVideo(Exception):
    """str() is the reason, to follow "because"."""


def is_video(data: bytes) -> bool:
    """By its first bytes; sound alone in such a container counts too."""
    return _container_of(data) is not None


def read_video(data: bytes) -> Video:
    """Up to `MAX_FRAMES`, evenly spread. Raises `UnusableVideo`. Takes as long as the clip; for a thread.

    What a file declares of its length is not believed: frames are counted as they come, and every second one is let go
    whenever there are too many.
    """
    import av  # 17 MB that most servers never need
    from av.error import FFmpegError

    container = _container_of(data)
    if container is None:
        raise UnusableVideo(f"it is no readable video ({FORMATS})")
    kept: list[tuple[float, Pillow.Image]] = []
    interval, due = _INTERVAL, 0.0
    try:
        # The demuxer is named: left to itself the library also reads playlists, which name other files and addresses.
        with av.open(io.BytesIO(data), mode="r", format=container, metadata_errors="ignore") as file:
            for seconds, frame in _timed_frames(file):
                if seconds < due:
                    continue
                kept.append((seconds, _picture(frame, kept[0][1].size if kept else None)))
                if len(kept) > MAX_FRAMES:
                    kept, interval = kept[::2], 2 * interval
                due = interval * ((seconds + _ROUNDING) // interval + 1) - _ROUNDING
    except (FFmpegError, ValueError, OverflowError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnusableVideo(f"it cannot be decoded ({reason})") from error
    if not kept:
        raise UnusableVideo("it has no frames")
    width, height = kept[0][1].size
    passed = kept[-1][0] - kept[0][0]
    fps = (len(kept) - 1) / passed if passed > 0 else 1 / interval
    return Video(width, height, len(kept), fps, b"".join(picture.tobytes() for _, picture in kept))


def _timed_frames(file: InputContainer) -> Iterator[tuple[float, av.VideoFrame]]:
    """With the seconds since the first one. Of many, those that no other frame needs are left out."""
    if not file.streams.video:
        raise UnusableVideo("it has no pictures, only sound")
    stream = file.streams.video[0]
    if stream.codec_context is None:  # PyAV's annotation leaves this out: the codec is unknown to it
        raise UnusableVideo("its codec is not known here")
    stream.codec_context.thread_count = 1  # the others are the models'
    rate = stream.average_rate or _UNKNOWN_FPS
    if rate > _MANY_FRAMES:
        stream.codec_context.skip_frame = "NONREF"
    first: float | None = None
    pixels = 0
    for count, frame in enumerate(file.decode(stream)):
        if frame.width * frame.height > _MAX_PIXELS:
            raise UnusableVideo(f"its frames have more than {_MAX_PIXELS // 10**6} million pixels")
        pixels += frame.width * frame.height
        at = frame.time if frame.time is not None else float(count / rate)
        first = at if first is None else first
        if at - first > MAX_SECONDS or pixels > _MAX_DECODED_PIXELS:
            raise UnusableVideo(
                f"it is longer than {MAX_SECONDS} seconds"
                if at - first > MAX_SECONDS
                else f"its frames have more than {_MAX_DECODED_PIXELS // 10**9} thousand million pixels together"
            )
        yield at - first, frame


def _picture(frame: av.VideoFrame, size: tuple[int, int] | None) -> Pillow.Image:
    """Upright, of `size` or no larger than models make use of."""
    shrink = min(1.0, _LONGEST_EDGE / max(frame.width, frame.height))
    scaled = frame.reformat(
        width=max(1, round(frame.width * shrink)), height=max(1, round(frame.height * shrink)), format="rgb24"
    )
    picture = scaled.to_image()
    if turn := frame.rotation % 360:
        picture = picture.rotate(turn, expand=True)
    return picture if size is None or picture.size == size else picture.resize(size)


def _container_of(data: bytes) -> str | None:
    """FFmpeg's name of the container, by its first bytes."""
    if data[4:8] == b"ftyp":
        return "mov"
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return "avi"
    return None

"""Short videos to upload."""

import io
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

import av
import numpy as np

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
CODECS = {"mp4": "libx264", "mov": "mpeg4", "webm": "libvpx-vp9", "matroska": "libvpx", "avi": "mpeg4"}


def clip(
    *colours: tuple[int, int, int],
    container: str = "mp4",
    fps: int = 4,
    size: tuple[int, int] = (96, 64),
    pauses: Mapping[int, int] = MappingProxyType({}),
) -> bytes:
    """A frame of each colour, `fps` a second; `pauses`: before which of them how many more are left out."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(CODECS[container], rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        late = 0
        for number, colour in enumerate(colours):
            pixels = np.zeros((size[1], size[0], 3), np.uint8)
            pixels[:] = colour
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            late += pauses.get(number, 0)
            frame.pts, frame.time_base = number + late, Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def turned(mp4: bytes) -> bytes:
    """As a telephone that was held upright writes it: to be turned by a quarter."""
    data = bytearray(mp4)
    matrix = data.index(b"tkhd") + 4 + 40
    quarter = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    data[matrix : matrix + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in quarter)
    return bytes(data)

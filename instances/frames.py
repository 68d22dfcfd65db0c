"""How messages lie on a pipe: a little-endian unsigned 32-bit length, then that many bytes of MessagePack."""

import asyncio
import struct
from typing import BinaryIO

import msgspec

from notices import as_text

_LENGTH = struct.Struct("<I")
_encoder = msgspec.msgpack.Encoder(enc_hook=as_text)


def encode_frame(message: msgspec.Struct) -> bytes:
    """One whole frame."""
    payload = _encoder.encode(message)
    return _LENGTH.pack(len(payload)) + payload


def read_frame(stream: BinaryIO) -> bytes | None:
    """The payload of the next frame from a blocking stream, or None at its end (also in the middle of a frame)."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    length = _LENGTH.unpack(header)[0]
    payload = stream.read(length)
    return payload if len(payload) == length else None


async def receive_frame(stream: asyncio.StreamReader) -> bytes:
    """The payload of the next frame. Raises `asyncio.IncompleteReadError` at the stream's end."""
    header = await stream.readexactly(_LENGTH.size)
    return await stream.readexactly(_LENGTH.unpack(header)[0])


class FrameSplitter:
    """Cuts what comes, in pieces of any size, into the payloads of frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def push(self, data: bytes | bytearray) -> list[bytes]:
        """The payloads that are now complete."""
        self._pending += data
        payloads: list[bytes] = []
        start, end = 0, _LENGTH.size
        while end <= len(self._pending):
            end += _LENGTH.unpack_from(self._pending, start)[0]
            if end > len(self._pending):
                break
            payloads.append(bytes(self._pending[start + _LENGTH.size : end]))
            start, end = end, end + _LENGTH.size
        del self._pending[:start]
        return payloads

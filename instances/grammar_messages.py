"""What a device server and its grammar worker say to each other, in frames as in `instances.messages`."""

import struct
from typing import BinaryIO

import msgspec

from instances.messages import Structure

_LENGTH = struct.Struct("<I")
HEADER_BYTES = _LENGTH.size


class Check(msgspec.Struct, frozen=True):
    """Try `structure` with the tokenizer in `directory`."""

    id: int
    directory: str
    structure: Structure


class Started(msgspec.Struct, frozen=True, tag=True):
    """The tokenizer is loaded; the time of the grammar itself begins."""

    id: int


class Verdict(msgspec.Struct, frozen=True, tag=True):
    """Why the grammar cannot be used, or None when it can."""

    id: int
    refusal: str | None


_encoder = msgspec.msgpack.Encoder()
_check = msgspec.msgpack.Decoder(Check)
_reply = msgspec.msgpack.Decoder(Started | Verdict)


def encode(message: Check | Started | Verdict) -> bytes:
    """One whole frame."""
    payload = _encoder.encode(message)
    return _LENGTH.pack(len(payload)) + payload


def decode_length(header: bytes) -> int:
    return _LENGTH.unpack(header)[0]


def decode_reply(payload: bytes) -> Started | Verdict:
    return _reply.decode(payload)


def read_check(stream: BinaryIO) -> Check | None:
    """The next check from a blocking stream, or None at its end."""
    header = stream.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return None
    length = decode_length(header)
    payload = stream.read(length)
    return _check.decode(payload) if len(payload) == length else None

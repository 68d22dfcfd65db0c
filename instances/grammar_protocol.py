"""What a device server and its grammar worker say to each other, in frames of `instances.frames`."""

import msgspec

from instances.protocol import Structure


class CheckGrammar(msgspec.Struct, frozen=True):
    """Try `structure` with the tokenizer in `directory`."""

    id: int
    directory: str
    structure: Structure


class Started(msgspec.Struct, frozen=True, tag=True):
    """The tokenizer is loaded; the time of the grammar itself begins."""

    id: int


class GrammarVerdict(msgspec.Struct, frozen=True, tag=True):
    """Why the grammar cannot be used, or None when it can, and what the process has grown by for it (bytes)."""

    id: int
    refusal: str | None
    grown_bytes: int = 0


_check = msgspec.msgpack.Decoder(CheckGrammar)
_reply = msgspec.msgpack.Decoder(Started | GrammarVerdict)


def decode_check(payload: bytes) -> CheckGrammar:
    return _check.decode(payload)


def decode_reply(payload: bytes) -> Started | GrammarVerdict:
    return _reply.decode(payload)

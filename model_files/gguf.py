"""The header of a GGUF file: what the model is, and how long its file must be.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The file may come from anybody: every count is
checked against what is left to read before memory is taken for it.
"""

from __future__ import annotations

import struct
from collections import Counter, deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from memory.kv_cache import KvShape
from notices import Notice

MAX_HEADER_BYTES = 128 * 1024 * 1024
_MAX_ELEMENTS = 1 << 50
_MAX_NAME_DIMENSIONS = 8
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_TOKENS, _TOKEN_TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
_CONTROL = 3  # gguf's TokenType
_BLOCKS = {  # tensor type: name, elements a block, bytes a block
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    30: ("BF16", 1, 2),
}


_FILE_TYPES = {  # of general.file_type, llama.h's llama_ftype
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip


class GgufError(Exception):
    """The file is no GGUF that can be read; the text says why."""


@dataclass(frozen=True)
class GgufSummary:
    """file_bytes: the smallest length the file can have. kv: what a token adds to the cache. quantization: as the file
    names its own, else the type of most of its weights. adapter: it holds a LoRA only."""

    architecture: str
    context_length: int | None
    kv: KvShape | None
    parameters: int
    quantization: str | None
    tensor_types: frozenset[str]
    chat_template: str | None
    file_bytes: int
    license: str | None = None
    adapter: bool = False


def read_gguf(path: Path) -> GgufSummary:
    """Read one file's header. Raises GgufError, OSError."""
    with _opened(path) as stream:
        return _Reader(stream).summary()


def read_control_tokens(path: Path) -> dict[int, str]:
    """The tokens that are no text, by their ids. Some tenths of a second for a large vocabulary. Raises GgufError,
    OSError."""
    with _opened(path) as stream:
        values = _Reader(stream, kept=(_TOKENS, _TOKEN_TYPES)).values()
    tokens, kinds = values.get(_TOKENS) or [], values.get(_TOKEN_TYPES) or []
    return {id: token for id, (token, kind) in enumerate(zip(tokens, kinds, strict=False)) if kind == _CONTROL}


def is_gguf(path: Path) -> bool:
    return path.suffix.lower() == ".gguf"


def read_gguf_template(directory: Path) -> str:
    """The chat template of the one GGUF model here; empty where there is none to be read."""
    files = gguf_files(directory)
    try:
        return (read_gguf(files[0]).chat_template or "") if len(files) == 1 else ""
    except (GgufError, OSError):
        return ""


def gguf_files(directory: Path) -> list[Path]:
    """The language models among the GGUF files of a directory; a file by itself is the one."""
    if directory.is_file():
        return [directory] if is_gguf(directory) else []
    return sorted(path for path in directory.glob("*.gguf") if "mmproj" not in path.name.lower())


def load_path(directory: Path) -> Path:
    """What the library is handed for a model's directory: of one with a GGUF file that file."""
    files = gguf_files(directory)
    return files[0] if len(files) == 1 else directory


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as stream:
        try:
            yield stream
        except (struct.error, UnicodeDecodeError, ValueError) as error:
            raise GgufError(Notice("notices.gguf_incomplete", file=path.name, error=error)) from error


class _Reader:
    """kept: the arrays to read; others, vocabularies mostly, are passed over."""

    def __init__(self, stream: BinaryIO, *, kept: Collection[str] = ()) -> None:
        self._stream = stream
        self._left = MAX_HEADER_BYTES
        self._kept = kept
        self._tensors = 0

    def values(self) -> dict[str, Any]:
        """The metadata, from the beginning of the file on."""
        if self._bytes(4) != b"GGUF":
            raise ValueError("it does not begin with GGUF")
        version, self._tensors, entries = self._unpack("IQQ")
        if version not in (2, 3):
            raise ValueError(f"version {version}")
        return dict(self._entry() for _ in range(entries))

    def summary(self) -> GgufSummary:
        values = self.values()
        parameters, by_type, end = 0, Counter[str](), 0
        for _ in range(self._tensors):
            kind, elements, last = self._tensor()
            parameters += elements
            by_type[kind] += elements
            end = max(end, last)
        alignment = _number(values, "general.alignment") or 32
        start = -(-(MAX_HEADER_BYTES - self._left) // alignment) * alignment
        template = values.get("tokenizer.chat_template")
        architecture = str(values.get("general.architecture", ""))
        license_id = values.get("general.license")
        most = by_type.most_common(1)[0][0] if by_type else None
        return GgufSummary(
            architecture=architecture,
            context_length=_number(values, f"{architecture}.context_length"),
            kv=_kv_shape(values, architecture),
            parameters=parameters,
            quantization=_FILE_TYPES.get(values.get("general.file_type", -1), most),
            tensor_types=frozenset(by_type),
            chat_template=template if isinstance(template, str) else None,
            file_bytes=start + end,
            license=license_id if isinstance(license_id, str) else None,
            adapter=values.get("general.type") == "adapter",
        )

    def _entry(self) -> tuple[str, Any]:
        key = self._string()
        (kind,) = self._unpack("I")
        if kind == _ARRAY:
            values = self._array()
            return key, list(values) if key in self._kept else deque(values, maxlen=0)
        return key, self._value(kind)

    def _array(self) -> Iterator[Any]:
        inner, count = self._unpack("IQ")
        if inner == _STRING:
            yield from (self._string() for _ in range(count))
        elif inner in _SCALARS:
            data = self._bytes(struct.calcsize(f"<{_SCALARS[inner]}") * count)
            yield from (value for (value,) in struct.iter_unpack(f"<{_SCALARS[inner]}", data))
        else:
            raise ValueError(f"array of type {inner}")

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind not in _SCALARS:
            raise ValueError(f"value of type {kind}")
        return self._unpack(_SCALARS[kind])[0]

    def _tensor(self) -> tuple[str, int, int]:
        """(type, elements, end of its data behind the header)."""
        self._string()
        (dimensions,) = self._unpack("I")
        if dimensions > _MAX_NAME_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        shape = self._unpack(f"{dimensions}Q")
        kind, offset = self._unpack("IQ")
        elements = prod(shape)
        if max(elements, offset) > _MAX_ELEMENTS:
            raise ValueError("a tensor of impossible size")
        name, per_block, block_bytes = _BLOCKS.get(kind, (f"type {kind}", 1, 0))
        return name, elements, offset + elements // per_block * block_bytes

    def _string(self) -> str:
        (length,) = self._unpack("Q")
        return self._bytes(length).decode("utf-8", "replace")

    def _unpack(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{layout}", self._bytes(struct.calcsize(f"<{layout}")))

    def _bytes(self, count: int) -> bytes:
        if count > self._left:
            raise ValueError("its header is too long")
        data = self._stream.read(count)
        if len(data) < count:
            raise ValueError("it ends too early")
        self._left -= count
        return data


def _number(values: dict[str, Any], key: str) -> int | None:
    value = values.get(key)
    return value if isinstance(value, int) and value > 0 else None


def _kv_shape(values: dict[str, Any], architecture: str) -> KvShape | None:
    layers = _number(values, f"{architecture}.block_count")
    heads = _number(values, f"{architecture}.attention.head_count")
    width = _number(values, f"{architecture}.embedding_length")
    if not layers or not heads or not width:
        return None
    kv_heads = _number(values, f"{architecture}.attention.head_count_kv") or heads
    key_length = _number(values, f"{architecture}.attention.key_length") or width // heads
    value_length = _number(values, f"{architecture}.attention.value_length") or width // heads
    heads = layers * kv_heads
    return KvShape(heads * key_length, heads * value_length, heads)

"""What a KV cache takes: the one place where it is priced.

The figures are those of OpenVINO's CPU and GPU plugins (2026.4) for PagedAttention. Both divide the cache into blocks
of tokens and keep, when its elements have 8 or 4 bits, a scale and a zero point: for the keys one pair for each channel
of a block, for the values one for each head of a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

KvPrecision = Literal["f32", "f16", "int8", "int4"]

_NAMES: dict[str, KvPrecision] = {
    **{"f32": "f32", "f16": "f16", "bf16": "f16"},
    **{"u8": "int8", "i8": "int8", "int8": "int8", "u4": "int4", "i4": "int4", "int4": "int4"},
}
_BITS: dict[KvPrecision, int] = {"f32": 32, "f16": 16, "int8": 8, "int4": 4}
_PROPERTIES = {
    "CPU": {"f32": "f32", "f16": "f16", "int8": "u8", "int4": "u4"},
    "GPU": {"f32": "f32", "f16": "f16", "int8": "i8", "int4": "i4"},
}
CPU_BLOCK_TOKENS = 32
GPU_BLOCK_TOKENS = 16
_STATE_BYTES = {"CPU": 4, "GPU": 2, "NPU": 2}
"""Of an element of linear attention's states, at most: a CPU that computes in bf16 keeps 16 bits."""
_FEWEST_BLOCKS, _MOST_BLOCKS = 8, 256
_SCALES_BYTES = {"CPU": 8, "GPU": 4}
"""Of a scale and a zero point: two numbers of 32 bits on the CPU, of 16 on the GPU."""


@dataclass(frozen=True)
class KvShape:
    """What one token adds to the cache over all layers: elements of keys and of values, and heads of values.

    `state_elements`: what each sequence keeps beside it, however long it is, in layers of linear attention.
    """

    key_elements: int
    value_elements: int
    value_heads: int
    state_elements: int = 0

    @property
    def elements(self) -> int:
        return self.key_elements + self.value_elements


@dataclass(frozen=True)
class KvFormat:
    """How a device keeps keys and values. `device`: CPU, GPU or NPU."""

    device: str
    keys: KvPrecision
    values: KvPrecision

    @property
    def block_tokens(self) -> int:
        return CPU_BLOCK_TOKENS if self.device == "CPU" else GPU_BLOCK_TOKENS

    @property
    def properties(self) -> dict[str, str]:
        """OpenVINO's properties that ask for this format; the NPU has its own."""
        names = _PROPERTIES.get(self.device)
        if names is None:
            return {}
        if self.keys == self.values:
            return {"KV_CACHE_PRECISION": names[self.keys]}
        return {"KEY_CACHE_PRECISION": names[self.keys], "VALUE_CACHE_PRECISION": names[self.values]}


def kv_format(
    device: str,
    *,
    wanted: KvPrecision | None = None,
    properties: Mapping[str, Any] | None = None,
    pinned: Mapping[str, str] | None = None,
) -> KvFormat:
    """How `device` (an OpenVINO name) will keep the cache: as `properties` (extra_config) say, else `wanted`, else as
    the model's files pin (their runtime_options), else the plugin's own way: 8 bits, on the NPU 16."""
    kind = device.upper().replace(":", ".").split(".")[0]
    if kind == "NPU":
        return KvFormat("NPU", "f16", "f16")
    kind = "CPU" if kind == "CPU" else "GPU"
    given = dict(properties or {})
    if str(given.get("EXECUTION_MODE_HINT", "")).upper().endswith("ACCURACY") and kind == "CPU":
        return KvFormat(kind, "f32", "f32")
    whole = _named(given, "KV_CACHE_PRECISION") or wanted
    if whole is None:
        whole = _named(pinned or {}, "KV_CACHE_PRECISION") or "int8"
    return KvFormat(
        kind,
        _named(given, "KEY_CACHE_PRECISION") or whole,
        _named(given, "VALUE_CACHE_PRECISION") or whole,
    )


def kv_cache_bytes(shape: KvShape, tokens: int, form: KvFormat) -> int:
    """Bytes of the KV cache that `instances` makes for `tokens`: whole blocks, and the one that the library keeps free.
    The NPU's is of exactly that many tokens."""
    if form.device == "NPU":
        return tokens * shape.elements * 2
    return kv_cache_blocks(tokens, form) * _block_bytes(shape, form)


@dataclass(frozen=True)
class StateCache:
    """How a hybrid model's states are kept: `blocks` of them in all, one after every `interval` blocks of tokens for
    prompts that begin alike."""

    blocks: int
    interval: int


def state_cache(shape: KvShape, tokens: int, form: KvFormat, sequences: int) -> StateCache | None:
    """The states of a cache for `tokens` and of as many sequences at once. Left to itself the library makes none for
    the sequences, and lets those without one wait."""
    if not shape.state_elements:
        return None
    interval = _state_interval(shape, form)
    return StateCache(-(-kv_cache_blocks(tokens, form) // interval) + sequences, interval)


def state_bytes(shape: KvShape, form: KvFormat) -> int:
    """Bytes of one sequence's states."""
    return shape.state_elements * _STATE_BYTES[form.device]


def kv_cache_blocks(tokens: int, form: KvFormat) -> int:
    """How many blocks a cache for `tokens` is made of."""
    return -(-tokens // form.block_tokens) + 1


def kv_cache_tokens(shape: KvShape, size: int, form: KvFormat) -> int:
    """How many tokens a cache of `size` bytes holds; 0 where it has no room for one block."""
    if form.device == "NPU":
        return size // max(1, shape.elements * 2)
    return max(0, int(size // max(1, _block_bytes(shape, form))) - 1) * form.block_tokens


def _state_interval(shape: KvShape, form: KvFormat) -> int:
    """Blocks of tokens that take as much as a state, as the library spaces them (2026.4, cache_orchestrator.hpp)."""
    return min(
        max(-(-state_bytes(shape, form) // max(1, _token_block_bytes(shape, form))), _FEWEST_BLOCKS), _MOST_BLOCKS
    )


def _block_bytes(shape: KvShape, form: KvFormat) -> int:
    """A block of tokens with its share of the state that is kept for a prefix."""
    if not shape.state_elements:
        return _token_block_bytes(shape, form)
    return _token_block_bytes(shape, form) + -(-state_bytes(shape, form) // _state_interval(shape, form))


def _token_block_bytes(shape: KvShape, form: KvFormat) -> int:
    tokens, scales = form.block_tokens, _SCALES_BYTES[form.device]
    keys = tokens * shape.key_elements * _BITS[form.keys] // 8
    values = tokens * shape.value_elements * _BITS[form.values] // 8
    if _BITS[form.keys] <= 8:
        keys += shape.key_elements * scales
    if _BITS[form.values] <= 8:
        values += tokens * shape.value_heads * scales
    return keys + values


def _named(properties: Mapping[str, Any], name: str) -> KvPrecision | None:
    """A precision among OpenVINO's properties; None where it is not there or "dynamic", the plugin's own."""
    value = str(properties.get(name, "")).lower()
    return _NAMES.get(value.rpartition(".")[2].strip("<>' "))

"""What a device server says of itself."""

from __future__ import annotations

from typing import Literal

import msgspec

from notices import Phrase
from reports.requests import ActivityReport


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    """`max_active`: how many requests its instances take at once. `loading_since`: seconds since the epoch."""

    id: str
    public_id: str
    state: str
    pipeline: str
    device: str
    fallback_reason: str | None
    instances: int
    active: int
    queued: int
    max_active: int
    error: str | None
    error_phrase: Phrase | None
    loading_since: float | None
    compiling: bool


class ModelHealth(ModelState, frozen=True, kw_only=True):
    """`tokens_per_second` of one stream, measured; `evicted_prompts`: conversations that the KV cache has lost to
    others; `longest_conversation`: tokens of the longest so far, once a somewhat longer one would not fit into it."""

    tokens_per_second: float | None
    evicted_prompts: int
    longest_conversation: int | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """`status` alone for those who lack the key that is needed."""

    status: Literal["ok"]
    device: str = ""
    requested_device: str = ""
    used_device: str = ""
    device_name: str = ""
    fallback_reason: str | None = None
    fallback_phrase: Phrase | None = None
    pid: int = 0
    uptime_seconds: float = 0
    active_requests: int = 0
    queued_requests: int = 0
    generated_tokens: int = 0
    models: list[ModelHealth] = []


class InstanceState(msgspec.Struct, frozen=True):
    id: int
    pid: int | None
    state: Literal["busy", "idle"]
    memory_bytes: int | None
    active: int
    reserved_tokens: int
    load_seconds: float


class ModelMemory(msgspec.Struct, frozen=True):
    id: str
    estimated_bytes: int
    estimated_weight_bytes: int
    estimated_kv_cache_bytes: int
    kv_cache_tokens: int
    measured_bytes: int
    instances: list[InstanceState]


class MemoryReport(msgspec.Struct, frozen=True):
    """`measured` is false where the system does not tell what some instance takes: `reserved_bytes` is all that is
    known then."""

    device: str
    memory: str
    total_bytes: int
    limit_bytes: int
    reserved_bytes: int
    elsewhere_bytes: int
    available_bytes: int
    used_bytes: int
    measured: bool
    models: list[ModelMemory]


class Live(msgspec.Struct, frozen=True):
    health: Health
    memory: MemoryReport
    activity: ActivityReport

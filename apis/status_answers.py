"""The shapes of what a device server says of one model, beside its `reports`."""

from __future__ import annotations

import msgspec

from reports.device import InstanceState, ModelState


class Waiting(msgspec.Struct, frozen=True):
    position: int
    request_id: str | None
    client: str
    waiting_seconds: float
    tokens: int


class ModelStatistics(ModelState, frozen=True, kw_only=True):
    requests: int
    completed: int
    failed: int
    cancelled: int
    resumed: int
    prompt_tokens: int
    evicted_prompts: int
    evicted_tokens: int
    generated_tokens: int
    mean_first_token_seconds: float | None
    mean_queue_seconds: float | None
    mean_tokens_per_second: float | None
    waiting: list[Waiting]


class Instances(msgspec.Struct, frozen=True):
    model: str
    instances: list[InstanceState]


class Preloaded(msgspec.Struct, frozen=True):
    model: str
    instances: int


class UnloadedInstances(msgspec.Struct, frozen=True):
    unloaded: int


class Echo(msgspec.Struct, frozen=True):
    method: str
    query: dict[str, str]
    body: str

"""The shapes of what a device server says of itself, for the OpenAPI document. Sizes in bytes."""

from typing import Any, Literal

from pydantic import BaseModel


class ModelState(BaseModel):
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
    loading_since: float | None
    """Seconds since the epoch."""
    compiling: bool


class Health(BaseModel):
    """`status` alone for those who lack the key that is needed."""

    status: Literal["ok"]
    device: str = ""
    requested_device: str = ""
    used_device: str = ""
    device_name: str = ""
    fallback_reason: str | None = None
    pid: int = 0
    uptime_seconds: float = 0
    active_requests: int = 0
    queued_requests: int = 0
    generated_tokens: int = 0
    models: list[ModelState] = []


class InstanceState(BaseModel):
    id: int
    pid: int | None
    state: Literal["busy", "idle"]
    memory_bytes: int | None
    active: int
    reserved_tokens: int
    load_seconds: float


class ModelMemory(BaseModel):
    id: str
    estimated_bytes: int
    estimated_weight_bytes: int
    estimated_kv_cache_bytes: int
    kv_cache_tokens: int
    measured_bytes: int
    instances: list[InstanceState]


class MemoryReport(BaseModel):
    device: str
    memory: str
    total_bytes: int
    limit_bytes: int
    reserved_bytes: int
    elsewhere_bytes: int
    available_bytes: int
    used_bytes: int
    measured: bool
    """False where the system does not tell what some instance takes: `reserved_bytes` is all that is known then."""
    models: list[ModelMemory]


class Request(BaseModel):
    """One request; its prompt and answer where they are kept."""

    number: int
    ended: int | None
    id: str
    time: float
    client: str
    agent: str
    path: str
    model: str | None
    status: int
    outcome: Literal["running", "completed", "failed", "cancelled"]
    error: str | None
    seconds: float
    prompt_tokens: int
    generated_tokens: int
    first_token_seconds: float | None
    tokens_per_second: float | None
    waited_seconds: float | None
    load_seconds: float
    prompt: str | None
    answer: str | None


class ActivityReport(BaseModel):
    cursor: int
    running: list[Request]
    ended: list[Request]


class Live(BaseModel):
    health: Health
    memory: MemoryReport
    activity: ActivityReport


class Waiting(BaseModel):
    position: int
    request_id: str | None
    client: str
    waiting_seconds: float
    tokens: int


class ModelStatistics(ModelState):
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


class Instances(BaseModel):
    model: str
    instances: list[InstanceState]


class Preloaded(BaseModel):
    model: str
    instances: int


class UnloadedInstances(BaseModel):
    unloaded: int


class Echo(BaseModel):
    method: str
    query: dict[str, Any]
    body: str

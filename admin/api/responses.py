"""The shapes of the admin API's answers, for the OpenAPI document. They hold what is always there; more may be."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from admin.live.memory_bars import MemoryBar
from admin.live.views import DeviceCard, LocalModelRow
from conversion.jobs import ConversionRequest, ConversionState
from conversion.toolchain import ConverterStatus
from doctor.findings import Area, Level
from keys.key import KeyScope
from registry.catalogue import CatalogueEntry
from registry.jobs import FileProgress, JobError, JobState
from registry.recommend import Recommendation
from supervision.logs import LogLine
from web.openapi import Responses, errors


class AdminErrorBody(BaseModel):
    message: str
    type: str


class AdminErrorResponse(BaseModel):
    error: AdminErrorBody


ERRORS: Responses = errors(AdminErrorResponse, 400, 422)
"""Of every route; 400 for a body that is no text, 422 for what the document does not allow."""
UNKNOWN: Responses = errors(AdminErrorResponse, 404)
REFUSED: Responses = errors(AdminErrorResponse, 400, 404, 409)
OF_CONFIG: Responses = errors(AdminErrorResponse, 409)
OF_HUB: Responses = errors(AdminErrorResponse, 400, 404, 409, 502, 507)
OF_DEVICE: Responses = errors(AdminErrorResponse, 400, 404, 502)


class SuiteStatus(BaseModel):
    """Each device also has its `stage`."""

    devices: list[DeviceCard]
    memory: MemoryBar
    config_problem: str | None


class UpdatedDevice(BaseModel):
    device: DeviceCard | None


class ShutdownStarted(BaseModel):
    stopping: Literal[True]


class ActivityEntry(BaseModel):
    device: str
    api: Literal["OpenAI", "Ollama", "Anthropic"]
    number: int
    time: float
    path: str
    model: str | None
    status: int
    outcome: str
    error: str | None
    seconds: float
    prompt_tokens: int
    generated_tokens: int


class ActivityLists(BaseModel):
    running: list[ActivityEntry]
    ended: list[ActivityEntry]


class LogLines(BaseModel):
    device: str
    lines: list[LogLine]


class AvailableModels(BaseModel):
    models: list[CatalogueEntry]
    source: Literal["hub", "bundled"]
    fetched_at: float | None
    problem: str | None


class RecommendedModels(BaseModel):
    recommendations: list[Recommendation]


class LocalModels(BaseModel):
    models: list[LocalModelRow]


class DeletedModel(BaseModel):
    deleted: str


class PullJobResponse(BaseModel):
    id: str
    model_id: str
    revision: str | None
    state: JobState
    created_at: float
    commit: str | None
    files: list[FileProgress]
    bytes_per_second: float | None
    error: JobError | None
    notes: list[str]
    variant: str | None
    bytes_total: int
    bytes_done: int
    eta_seconds: float | None


class ChangedJob(BaseModel):
    job: PullJobResponse


class Jobs(BaseModel):
    jobs: list[PullJobResponse]


class ConversionResponse(BaseModel):
    id: str
    request: ConversionRequest
    state: ConversionState
    created_at: float
    started_at: float
    model_id: str | None
    commit: str | None
    license: str | None
    recipe: str
    stage: str
    bytes_total: int
    bytes_done: int
    percent: int | None
    error: JobError | None
    notes: list[str]
    log: list[str]
    verified: dict[str, Any]


class ChangedConversion(BaseModel):
    job: ConversionResponse


class ConversionList(BaseModel):
    jobs: list[ConversionResponse]
    converter: ConverterStatus


class RemovedConverter(BaseModel):
    freed_bytes: int


class Dismissed(BaseModel):
    dismissed: str


class FoundModels(BaseModel):
    models: list[CatalogueEntry]


class ModelResponse(BaseModel):
    id: str
    path: str
    metadata: dict[str, Any] | None
    facts: dict[str, Any]
    complete: bool
    state: Literal["usable", "unsupported", "damaged"]
    bundled: bool


class ImportedModel(BaseModel):
    model: ModelResponse


class Verified(BaseModel):
    model_id: str
    files: int
    damaged: list[str]
    intact: bool


class Updatable(BaseModel):
    model_id: str
    commit: str
    latest: str
    available: bool


class Hub(BaseModel):
    endpoint: str
    kind: Literal["huggingface", "modelscope"]
    token_set: bool
    speed_limit_mb: float | None


class FindingResponse(BaseModel):
    id: str
    subject: str | None
    level: Level
    area: Area
    title: str
    detail: str
    advice: str | None
    command: str | None


class Examination(BaseModel):
    running: bool
    age_seconds: int | None
    checked_at: str | None
    level: Level | None
    findings: list[FindingResponse]


class Cache(BaseModel):
    device: str
    path: str
    size_bytes: int
    orphaned: bool


class Caches(BaseModel):
    caches: list[Cache]


class Cleared(BaseModel):
    device: str
    freed_bytes: int


class TuningStarted(BaseModel):
    device: str
    model: str
    state: Literal["running"]


class KeyDescription(BaseModel):
    id: str
    name: str
    scopes: list[KeyScope]
    hint: str
    created: float
    last_used: float | None


class OwnedKey(KeyDescription):
    own: bool


class Keys(BaseModel):
    keys: list[OwnedKey]
    required: bool
    beyond_loopback: bool


class MadeKey(BaseModel):
    key: KeyDescription
    secret: str
    qr: str | None


class Revoked(BaseModel):
    revoked: str


class FirstStepsTaken(BaseModel):
    loaded: bool
    chatted: bool
    connected: bool
    hidden: bool


class PlaygroundAnswer(BaseModel):
    """As the device's /v1/chat/completions gives it."""

    id: str
    object: Literal["chat.completion"]
    choices: list[dict[str, Any]]


class LoadResponse(BaseModel):
    instances: int


class UnloadResponse(BaseModel):
    unloaded: int


class Alive(BaseModel):
    status: Literal["ok"]

"""The shapes of the Ollama API's answers, for the OpenAPI document. They hold what is always there; more may be."""

from typing import Any, Literal

from pydantic import BaseModel

from web.described import Responses, errors


class OllamaError(BaseModel):
    error: str


ERRORS: Responses = errors(OllamaError, 400, 404)
CHANGE_ERRORS: Responses = errors(OllamaError, 400, 404, 409)
PULL_ERRORS: Responses = errors(OllamaError, 400, 404, 409, 422, 502, 507)
"""The hub's and the disk's beside the server's own."""
LINES = "application/x-ndjson"


class Function(BaseModel):
    index: int
    name: str
    arguments: dict[str, Any]


class Call(BaseModel):
    id: str
    function: Function


class AnswerMessage(BaseModel):
    role: Literal["assistant"]
    content: str
    thinking: str = ""
    tool_calls: list[Call] = []


class Generated(BaseModel):
    """Durations in nanoseconds; counts and durations are left out where a model was only loaded."""

    model: str
    created_at: str
    done: bool
    done_reason: Literal["stop", "length", "load", "unload"]
    total_duration: int = 0
    load_duration: int = 0
    prompt_eval_count: int = 0
    prompt_eval_duration: int = 0
    eval_count: int = 0
    eval_duration: int = 0


class ChatAnswer(Generated):
    """A line of its own for each piece unless `stream` is false."""

    message: AnswerMessage


class GenerateAnswer(Generated):
    """A line of its own for each piece unless `stream` is false."""

    response: str
    context: list[int] = []


class Embedded(BaseModel):
    model: str
    embeddings: list[list[float]]
    total_duration: int
    load_duration: int
    prompt_eval_count: int


class EmbeddedOne(BaseModel):
    embedding: list[float]


class Version(BaseModel):
    version: str


class Details(BaseModel):
    parent_model: str
    format: Literal["openvino"]
    family: str
    families: list[str]
    parameter_size: str
    quantization_level: str
    context_length: int | None


class Named(BaseModel):
    name: str
    model: str
    size: int
    digest: str
    details: Details
    device: str
    fallback_reason: str | None


class Listed(Named):
    modified_at: str
    capabilities: list[str]


class Tags(BaseModel):
    models: list[Listed]


class Running(Named):
    expires_at: str
    size_vram: int
    context_length: int


class RunningModels(BaseModel):
    models: list[Running]


class Shown(BaseModel):
    license: str
    modelfile: str
    parameters: str
    template: str
    system: str
    details: Details
    messages: list[Any]
    model_info: dict[str, Any]
    capabilities: list[str]
    modified_at: str
    device: str
    fallback_reason: str | None
    warnings: list[str]


class Status(BaseModel):
    """A line of its own for each step unless `stream` is false."""

    status: str

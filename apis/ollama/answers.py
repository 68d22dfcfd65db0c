"""The shapes of the Ollama API's answers, for the OpenAPI document. They hold what is always there; more may be."""

from typing import Any, Literal

from pydantic import BaseModel

from web.openapi import Responses, errors


class OllamaError(BaseModel):
    error: str


ERRORS: Responses = errors(OllamaError, 400, 404)
CHANGE_ERRORS: Responses = errors(OllamaError, 400, 404, 409)
PULL_ERRORS: Responses = errors(OllamaError, 400, 404, 409, 422, 502, 507)
"""The hub's and the disk's beside the server's own."""
LINES = "application/x-ndjson"


class OllamaFunction(BaseModel):
    index: int
    name: str
    arguments: dict[str, Any]


class OllamaToolCall(BaseModel):
    id: str
    function: OllamaFunction


class OllamaMessage(BaseModel):
    role: Literal["assistant"]
    content: str
    thinking: str = ""
    tool_calls: list[OllamaToolCall] = []


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


class OllamaChatAnswer(Generated):
    """A line of its own for each piece unless `stream` is false."""

    message: OllamaMessage


class GenerateAnswer(Generated):
    """A line of its own for each piece unless `stream` is false."""

    response: str
    context: list[int] = []


class OllamaEmbeddings(BaseModel):
    model: str
    embeddings: list[list[float]]
    total_duration: int
    load_duration: int
    prompt_eval_count: int


class OllamaEmbedding(BaseModel):
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


class OllamaModel(BaseModel):
    name: str
    model: str
    size: int
    digest: str
    details: Details
    device: str
    fallback_reason: str | None


class OllamaListedModel(OllamaModel):
    modified_at: str
    capabilities: list[str]


class OllamaTags(BaseModel):
    models: list[OllamaListedModel]


class OllamaRunningModel(OllamaModel):
    expires_at: str
    size_vram: int
    context_length: int


class RunningModels(BaseModel):
    models: list[OllamaRunningModel]


class OllamaShownModel(BaseModel):
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


class OllamaStatus(BaseModel):
    """A line of its own for each step unless `stream` is false."""

    status: str

"""What `device_config.json` holds, as types. Root keys are device names; a root key starting with `$` or `_` is a note
and is kept as it is. Keys this version does not know survive a rewrite at every level."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from configuration.sampling import sampling_params
from notices import Notice

_DEVICE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
_MAX_NAME_LENGTH = 255
_MOST_GB = 1_000_000


def _checked_model_id(value: str) -> str:
    if value != value.strip() or _CONTROL_CHARACTER.search(value) or "\\" in value:
        raise ValueError("a model id has no surrounding blanks, no control characters and no backslash")
    if any(part in ("", ".", "..") for part in value.split("/")):
        raise ValueError('a model id looks like "organisation/name", without empty parts or ".."')
    return value


def _checked_device_name(value: str) -> str:
    if len(value) > _MAX_NAME_LENGTH or not _DEVICE_NAME.fullmatch(value):
        raise ValueError("a device name consists of a to z, 0 to 9 and _, with a letter first")
    return value


def _checked_text(value: str) -> str:
    if not value.strip() or _CONTROL_CHARACTER.search(value):
        raise ValueError(Notice("notices.config_text_form"))
    return value


def _checked_size(value: float) -> float:
    if value > _MOST_GB:
        raise ValueError(f"no machine has more than {_MOST_GB} GB")
    return value


def _checked_idle_timeout(value: float) -> float:
    if value < 0 and value != -1:
        raise ValueError(Notice("notices.config_seconds"))
    return value


def _checked_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    for name, value in parameters.items():
        try:
            sampling_params({name: value})
        except ValueError as error:
            raise ValueError(Notice("notices.config_parameter", name=name)) from error
    return parameters


DeviceName = Annotated[str, AfterValidator(_checked_device_name)]
ModelId = Annotated[str, Field(min_length=1, max_length=_MAX_NAME_LENGTH), AfterValidator(_checked_model_id)]
Gigabytes = Annotated[float, Field(gt=0), AfterValidator(_checked_size)]
GigabytesOrNone = Annotated[float, Field(ge=0), AfterValidator(_checked_size)]
Text = Annotated[str, AfterValidator(_checked_text)]
Parameters = Annotated[dict[str, Any], AfterValidator(_checked_parameters)]
"""Values of `SamplingParams` by name."""


class ModelAssignment(BaseModel):
    """One entry of a device's `models`. Memory in GB (10^9 bytes), `idle_timeout` in seconds with -1 = never,
    `max_prompt_len` in tokens, `precision` "exact" for 32-bit floats all through, the KV cache included,
    `max_num_batched_tokens` those that one step of a batch works on, `prompt_lookup` those it guesses at a time from
    the prompt; `warm_prefixes`: a loaded model reads what prompts were seen to begin with; `draft`: the model that
    drafts `num_assistant_tokens` at a time (None: what its files say, else 5), an id, or "auto" for one that lies in
    its folder; `kv_cache_precision` None is the model's own, else the plugin's; `pooling` None is as an embedding
    model's files say; `tool_dialect` None is as the chat template says;
    `system` is the system prompt of conversations that have none, `parameters` are defaults for what a request leaves
    open; `path` is relative to the data directory or absolute."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    id: ModelId
    path: Text
    estimated_memory_gb: Gigabytes | None = None
    instance_memory_gb: GigabytesOrNone | None = None
    max_total_memory_gb: Gigabytes | None = None
    max_concurrent: int = Field(default=16, ge=1)
    idle_timeout: Annotated[float, AfterValidator(_checked_idle_timeout)] = 300
    preload_count: int = Field(default=0, ge=0)
    max_prompt_len: int | None = Field(default=None, ge=1)
    precision: Literal["default", "exact"] = "default"
    pipeline: Literal["auto", "continuous_batching", "llm_pipeline"] = "auto"
    max_num_batched_tokens: int | None = Field(default=None, ge=1)
    prompt_lookup: int | None = Field(default=None, ge=1, le=16)
    warm_prefixes: bool = True
    draft: Literal["auto"] | ModelId | None = None
    num_assistant_tokens: int | None = Field(default=None, ge=1, le=16)
    kv_cache_precision: Literal["f16", "int8", "int4"] | None = None
    pooling: Literal["cls", "mean", "last_token"] | None = None
    extra_config: dict[str, Any] = Field(default_factory=dict)
    tool_dialect: Text | None = None
    system: str | None = None
    parameters: Parameters = Field(default_factory=dict)


class ModelAlias(BaseModel):
    """Another name for an assigned model, with what it adds: a system prompt for conversations that have none, defaults
    for parameters that a request leaves open, a chat template (Jinja). It shares the model's instances."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)

    model: ModelId
    system: str | None = None
    template: str | None = None
    parameters: Parameters = Field(default_factory=dict)


class DeviceSettings(BaseModel):
    """One device server: its port, the OpenVINO device it asks for, the one it falls back to (null = none).

    `memory_limit_gb` bounds what its instances take together (null = what the machine has), `memory_reserve_gb` is
    left to other programs (null = a tenth, 2 GB at most). Of each model `max_queue` requests may wait, each for
    `queue_timeout` seconds. `keep_prompts`: the list of recent requests holds what was asked and answered.
    `parallel_generations` lets several instances of an NPU generate at the same moment, which current drivers answer
    with DEVICE_LOST. `allow_image_urls`: whether images that clients name by URL are fetched.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    enabled: bool = True
    port: int = Field(ge=1, le=65535)
    device: Text
    fallback_device: Text | None = "CPU"
    memory_limit_gb: Gigabytes | None = None
    memory_reserve_gb: GigabytesOrNone | None = None
    max_queue: int = Field(default=256, ge=1)
    queue_timeout: float = Field(default=300, gt=0)
    keep_prompts: bool = False
    parallel_generations: bool = False
    allow_image_urls: bool = False
    models: list[ModelAssignment] = Field(default_factory=list)
    aliases: dict[ModelId, ModelAlias] = Field(default_factory=dict)

    @field_validator("models")
    @classmethod
    def _ids_are_unique(cls, models: list[ModelAssignment]) -> list[ModelAssignment]:
        twice = _first_repeated([model.id for model in models])
        if twice is not None:
            raise ValueError(Notice("notices.config_model_twice", model=twice))
        return models


class Configuration(BaseModel):
    """The whole file: `devices` by name in the file's order, `notes` for the root keys that are no devices."""

    model_config = ConfigDict(frozen=True)

    devices: dict[DeviceName, DeviceSettings] = Field(default_factory=dict)
    notes: dict[str, Any] = Field(default_factory=dict)

    def to_json(self) -> str:
        """Raises ValueError where an extra value holds a number that is not finite."""
        document = {**self.notes, **{name: settings.model_dump() for name, settings in self.devices.items()}}
        return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _first_repeated(values: Sequence[str]) -> str | None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None

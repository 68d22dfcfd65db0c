"""The bodies that the admin's JSON API takes."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from configuration.tuning_store import Work
from conversion.recipes import TargetDevice, Weights
from keys.key import MAX_NAME_LENGTH, KeyScope

MAX_ENTRIES = 1000
"""Models of a device, and settings of a model, in one change."""


class Body(BaseModel):
    """What holds for all: no type is guessed, no field is unknown, and text can be written down again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _can_be_written(cls, value: Any) -> Any:
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError("half of a character (a lone surrogate) cannot be kept") from error
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        return value


class PullModelRequest(Body):
    """`model_id`: organisation/name, or the model's address on the hub."""

    model_id: str = Field(min_length=1, max_length=1000)
    revision: str | None = Field(default=None, max_length=255)


class ImportRequest(Body):
    """A model folder on this machine; `reference` leaves it where it is."""

    path: str = Field(min_length=1)
    model_id: str | None = Field(default=None, max_length=255)
    mode: Literal["copy", "reference"] = "copy"


class ConvertRequest(Body):
    """`source`: organisation/name on the hub, or the path of a folder on this machine; `adapter` likewise.
    `trust_remote_code` lets code from the model's repository run."""

    source: str = Field(min_length=1, max_length=4096)
    device: TargetDevice = "gpu"
    weights: Weights | None = None
    model_id: str | None = Field(default=None, max_length=255)
    revision: str | None = Field(default=None, max_length=255)
    adapter: str | None = Field(default=None, max_length=4096)
    trust_remote_code: bool = False


class HubChange(Body):
    """What is left out stays as it is; an empty string clears it, as 0 does the limit of all downloads
    together (10^6 bytes per second)."""

    endpoint: str | None = Field(default=None, max_length=500)
    token: str | None = Field(default=None, max_length=500)
    speed_limit_mb: float | None = Field(default=None, ge=0)


class NewKey(Body):
    name: str = Field(min_length=1, max_length=MAX_NAME_LENGTH)
    scopes: list[KeyScope] = Field(default=["inference"], min_length=1, max_length=2)


class ModelName(Body):
    model: str = Field(min_length=1, max_length=255)


class KeepChats(Body):
    keep: bool


class TuneRequest(Body):
    """`work`: the kind of work to be quick at."""

    device: str = Field(min_length=1, max_length=255)
    model: str = Field(min_length=1, max_length=255)
    work: Work = "chat"


class ModelChange(Body):
    """A model to offer, and the settings to change for it. Settings that are left out keep the value they have."""

    model_config = ConfigDict(extra="allow", strict=True)

    id: str = Field(min_length=1, max_length=255)
    path: str | None = None
    estimated_memory_gb: float | None = Field(default=None, gt=0)
    instance_memory_gb: float | None = Field(default=None, ge=0)
    max_total_memory_gb: float | None = Field(default=None, gt=0)
    max_concurrent: int = Field(default=16, ge=1)
    idle_timeout: float = Field(default=300, ge=-1)
    preload_count: int = Field(default=0, ge=0)
    max_prompt_len: int | None = Field(default=None, ge=1)
    precision: Literal["default", "exact"] = "default"
    pipeline: Literal["auto", "continuous_batching", "llm_pipeline"] = "auto"
    kv_cache_precision: Literal["f16", "int8", "int4"] | None = None
    draft: str | None = Field(default=None, min_length=1, max_length=255)
    extra_config: dict[str, Any] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    system: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=MAX_ENTRIES)
    """Set over those that the model has; null takes one away."""

    def settings(self) -> dict[str, Any]:
        """Only what the client has set, without the id."""
        return self.model_dump(exclude={"id"}, exclude_unset=True)


class DeviceLimits(Body):
    """What a device may take and keep. What is left out stays as it is."""

    memory_limit_gb: float | None = Field(default=None, gt=0)
    memory_reserve_gb: float | None = Field(default=None, ge=0)
    max_queue: int = Field(default=256, ge=1)
    queue_timeout: float = Field(default=300, gt=0)
    keep_prompts: bool = False


class UpdateConfig(Body):
    """Change one device and apply it. What is left out stays as it is; `models` replaces the whole selection."""

    device: str = Field(max_length=255)
    enabled: bool | None = None
    models: list[str | ModelChange] | None = Field(default=None, max_length=MAX_ENTRIES)
    limits: DeviceLimits | None = None

    def selection(self) -> dict[str, dict[str, Any]] | None:
        """What to change of each model."""
        if self.models is None:
            return None
        return dict((entry, {}) if isinstance(entry, str) else (entry.id, entry.settings()) for entry in self.models)

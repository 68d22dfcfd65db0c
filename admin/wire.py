"""The bodies that the admin's JSON API takes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from keys.key import MAX_NAME_LENGTH, KeyScope


class PullRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    model_id: str = Field(min_length=1, max_length=255)
    revision: str | None = Field(default=None, max_length=255)


class ImportRequest(BaseModel):
    """A model folder on this machine; `reference` leaves it where it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    path: str = Field(min_length=1)
    model_id: str | None = Field(default=None, max_length=255)
    mode: Literal["copy", "reference"] = "copy"


class HubChange(BaseModel):
    """What is left out stays as it is; an empty string clears it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    endpoint: str | None = Field(default=None, max_length=500)
    token: str | None = Field(default=None, max_length=500)


class NewKey(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=MAX_NAME_LENGTH)
    scopes: list[KeyScope] = Field(default=["inference"], min_length=1, max_length=2)


class ModelName(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    model: str = Field(min_length=1, max_length=255)


class TuneRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    device: str = Field(min_length=1, max_length=255)
    model: str = Field(min_length=1, max_length=255)


class ModelChange(BaseModel):
    """A model to offer, and the settings to change for it. Settings that are left out keep the value they have."""

    model_config = ConfigDict(extra="allow", strict=True)

    id: str = Field(min_length=1)
    path: str | None = None
    estimated_memory_gb: float | None = Field(default=None, gt=0)
    instance_memory_gb: float | None = Field(default=None, ge=0)
    max_total_memory_gb: float | None = Field(default=None, gt=0)
    max_concurrent: int = Field(default=16, ge=1)
    idle_timeout: float = Field(default=300, ge=-1)
    preload_count: int = Field(default=0, ge=0)
    max_prompt_len: int | None = Field(default=None, ge=1)
    pipeline: Literal["auto", "continuous_batching", "llm_pipeline"] = "auto"
    extra_config: dict[str, Any] = Field(default_factory=dict)
    system: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Set over those that the model has; null takes one away."""

    def settings(self) -> dict[str, Any]:
        """Only what the client has set, without the id."""
        return self.model_dump(exclude={"id"}, exclude_unset=True)


class DeviceLimits(BaseModel):
    """What a device may take and keep. What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    memory_limit_gb: float | None = Field(default=None, gt=0)
    memory_reserve_gb: float | None = Field(default=None, ge=0)
    max_queue: int = Field(default=256, ge=1)
    queue_timeout: float = Field(default=300, gt=0)
    keep_prompts: bool = False


class UpdateConfig(BaseModel):
    """Change one device and apply it. What is left out stays as it is; `models` replaces the whole selection."""

    model_config = ConfigDict(extra="forbid", strict=True)

    device: str
    enabled: bool | None = None
    models: list[str | ModelChange] | None = None
    limits: DeviceLimits | None = None

"""What the doctor is told of the running suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from configuration.device_config import ConfigStore
from doctor.examination import DoctorContext
from model_registry import ModelRegistry
from supervision.suite import Suite

_LISTENING = ("starting", "running", "stopping", "restarting")


def doctor_context(
    suite: Suite, registry: ModelRegistry, store: ConfigStore, *, data_dir: Path, host: str, port: int
) -> Callable[[], DoctorContext]:
    def look() -> DoctorContext:
        statuses = suite.statuses()
        return DoctorContext(
            data_dir=data_dir,
            store=store,
            demo_model=registry.bundled_dir,
            endpoint=registry.hub.endpoint,
            hub_kind=registry.hub.kind,
            free_bytes=registry.free_bytes(),
            host=host,
            admin_port=port or None,
            ours={port, *(status.port for status in statuses if status.state in _LISTENING)},
            in_use={used for status in statuses if (used := _device_in_use(suite.health(status.name) or {}))},
        )

    return look


def _device_in_use(health: Mapping[str, Any]) -> str | None:
    """The OpenVINO device of a server that has a model loaded."""
    loaded = any(model.get("instances") for model in health.get("models", ()))
    return health.get("used_device") if loaded else None

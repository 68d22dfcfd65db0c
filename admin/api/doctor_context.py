"""What the doctor is told of the running suite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from configuration.device_config import ConfigStore
from doctor.examination import DoctorContext
from model_registry import ModelRegistry
from reports.device import Health
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
            in_use={used for status in statuses if (used := _device_in_use(suite.health(status.name)))},
        )

    return look


def _device_in_use(health: Health | None) -> str | None:
    """The OpenVINO device of a server that has a model loaded."""
    return health.used_device if health and any(model.instances for model in health.models) else None

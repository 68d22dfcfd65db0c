"""Models that a node does not have yet."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from administration.pulls import JobState, failure, pull_here
from configuration.device_config import DEMO_MODEL_ID, ModelAssignment
from model_registry import ModelRegistry
from registry.settings import SETTINGS_FILE

_POLL_SECONDS = 0.5
_DEMO_MODEL = Path(__file__).resolve().parents[2] / "models" / "demo_server-guide"


class ModelMissing(Exception):
    """A model of the configuration is neither on the node nor could it be pulled."""


async def present_models(models: Sequence[ModelAssignment], data_dir: Path) -> list[ModelAssignment]:
    """The models as they lie on this node, which pulls those it lacks; one of its replicas at a time. The demo model
    comes with the program. Raises `ModelMissing`."""
    models = [_bundled(model) if _is_missing(model, data_dir) else model for model in models]
    if not any(_is_missing(model, data_dir) for model in models):
        return models
    registry = ModelRegistry(data_dir / "models", settings_file=data_dir / SETTINGS_FILE)
    lock = FileLock(data_dir / ".pull.lock")
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            await asyncio.sleep(_POLL_SECONDS)
    try:
        for model in models:
            if _is_missing(model, data_dir):
                await _pull(model, registry, data_dir)
    finally:
        await registry.stop()
        lock.release()
    return models


def _bundled(model: ModelAssignment) -> ModelAssignment:
    return model.model_copy(update={"path": str(_DEMO_MODEL)}) if model.id == DEMO_MODEL_ID else model


async def _pull(model: ModelAssignment, registry: ModelRegistry, data_dir: Path) -> None:
    job: JobState = {}
    async with contextlib.aclosing(pull_here(registry, model.id)) as states:
        async for state in states:
            job = state
    if error := failure(job):
        raise ModelMissing(f"{model.id} could not be pulled: {error}")
    if _is_missing(model, data_dir):
        raise ModelMissing(f"{model.id} was pulled, but not to {model.path}: write its path as a pull makes it.")


def _is_missing(model: ModelAssignment, data_dir: Path) -> bool:
    return not (data_dir / model.path).exists()

"""Running conversions, and what is on disk meanwhile."""

from __future__ import annotations

import asyncio

from conversion.conversions import Conversions
from conversion.jobs import ConversionJob, ConversionRequest
from model_registry import ModelRegistry
from tests.conversion.conftest import ID
from tests.conversion.stand_in import StandInConverter
from tests.helpers import wait_until


async def converted(conversions: Conversions, request: ConversionRequest | None = None) -> ConversionJob:
    return await conversions.settled(conversions.convert(request or ConversionRequest(ID)).id)


async def held(converter: StandInConverter, conversions: Conversions) -> ConversionJob:
    """A conversion that stands still in the exporter."""
    converter.order(hold=True)
    job = conversions.convert(ConversionRequest(ID))
    await asyncio.to_thread(wait_until, (converter.folder.parent / "held").exists)
    await asyncio.to_thread(wait_until, lambda: conversions.job(job.id).stage == "exporting")
    return conversions.job(job.id)


def left(registry: ModelRegistry) -> set[str]:
    """Files in the models directory that belong to no model."""
    partial = registry.models_dir / ".partial"
    return {path.relative_to(partial).as_posix() for path in partial.rglob("*") if path.is_file()}

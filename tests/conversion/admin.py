"""An admin's conversions in a process of their own, to be killed: `python -m tests.conversion.admin DATA HUB MODEL
MOMENT`. At the moment named it creates the file `held` and stands still."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from conversion import steps
from conversion.conversions import Conversions
from conversion.jobs import ConversionRequest
from model_registry import HubSettings, ModelRegistry
from tests.conversion.stand_in import QUICK, StandInConverter


async def convert(data_dir: Path, hub: str, model: Path, moment: str) -> None:
    registry = ModelRegistry(data_dir / "models", hub=HubSettings(hub))
    converter = StandInConverter(data_dir, model)
    if moment == "installing":
        converter.order(install="hold")
    if moment == "converting":
        converter.order(hold=True)
    if moment == "describing":  # the model is whole and verified, and not yet in its place

        def describe(*arguments: Any) -> None:
            (data_dir / "held").touch()
            time.sleep(600)

        steps.describe = describe
    verification = None if moment == "verifying" else QUICK
    conversions = Conversions(registry, converter, verification=verification, retry_wait=0.01)
    job = conversions.convert(ConversionRequest("Tiny/Llama-256"))
    while conversions.job(job.id).active:
        if conversions.job(job.id).state == moment == "verifying":
            (data_dir / "held").touch()
        await asyncio.sleep(0.002)
    await conversions.settled(job.id)


if __name__ == "__main__":
    asyncio.run(convert(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]))

"""A true conversion in a process of its own, to be killed: `python -m tests.real.converting DATA HUB CONVERTER MOMENT`.
Prints MOMENT when the conversion is there, a state or a stage."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from conversion.conversions import Conversions
from conversion.jobs import ConversionRequest
from conversion.toolchain import Converter
from model_registry import HubSettings, ModelRegistry


async def convert(data_dir: Path, hub: str, converter: Path, moment: str) -> None:
    conversions = Conversions(ModelRegistry(data_dir / "models", hub=HubSettings(hub)), Converter(converter))
    job = conversions.convert(ConversionRequest("Tiny/llama"))
    told = False
    while conversions.job(job.id).active:
        now = conversions.job(job.id)
        if not told and moment in (now.state, now.stage):
            told = True
            sys.stdout.write(f"{moment}\n")
            sys.stdout.flush()
        await asyncio.sleep(0.002)
    await conversions.settled(job.id)


if __name__ == "__main__":
    asyncio.run(convert(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]))

"""A pull onto a small disk that another program fills: `python -m tests.registry.full_disk DISK PUBLISHED`, in a mount
namespace of its own. Prints what came of it as JSON."""

from __future__ import annotations

import asyncio
import filecmp
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model_registry import HubSettings, ModelRegistry
from tests.hub import TestHub

MODEL = "OpenVINO/Tiny-int4-ov"
DISK_BYTES = 4_000_000


async def fill_and_free(disk: Path, published: Path, sizes: Mapping[str, int]) -> dict[str, Any]:
    """There is room for half of the model, then for all of it."""
    ballast = disk / "somebody else's"
    ballast.write_bytes(bytes(DISK_BYTES - sum(sizes.values()) // 2))
    with TestHub() as hub:
        hub.add_model(MODEL, published)
        # What is free is asked before the first byte; here it goes away afterwards.
        registry = ModelRegistry(disk / "models", hub=HubSettings(hub.url), retry_wait=0.01, free=lambda _: 10**12)
        full = await registry.settled(registry.pull(MODEL).id)
        listed = [model.id for model in registry.local_models() if model.complete]
        ballast.unlink()
        done = await registry.settled(registry.pull(MODEL).id)
        await registry.stop()
        target = registry.find(MODEL).path
    _, differing, missing = filecmp.cmpfiles(published, target, sizes, shallow=False)
    return {
        "full": full.state,
        "error": full.error and full.error.type,
        "listed while full": listed,
        "afterwards": done.state,
        "differing": differing + missing,
    }


def main() -> None:
    disk = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)], check=True)
    published = Path(sys.argv[2])
    sizes = {path.name: path.stat().st_size for path in published.iterdir()}
    sys.stdout.write(json.dumps(asyncio.run(fill_and_free(disk, published, sizes))) + "\n")


if __name__ == "__main__":
    main()

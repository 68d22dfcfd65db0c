"""Pulls from the tests' hub, whole or stopped half way."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import psutil

from model_registry import ModelRegistry, PullJob
from tests.hub import TestHub

ID = "OpenVINO/Tiny-int4-ov"
WEIGHTS = "openvino_model.bin"


async def pulled(registry: ModelRegistry, model_id: str = ID, revision: str | None = None) -> PullJob:
    return await registry.settled(registry.pull(model_id, revision).id)


async def half_pulled(registry: ModelRegistry, hub: TestHub, model: Path) -> tuple[PullJob, threading.Event]:
    """A pull whose weights have come in part, and the event with which the hub sends the rest."""
    hub.add_model(ID, model)
    held, release = hub.faults.hold(WEIGHTS, 100_000)
    job = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 100_000)
    return job, release


def on_disk(registry: ModelRegistry, held: threading.Event, count: int) -> None:
    """Wait until the hub has stopped sending and what it sent has been written."""
    held.wait()
    part = registry.models_dir / ".partial" / ID.replace("/", "_") / f"{WEIGHTS}.part"
    while part.stat().st_size < count:
        time.sleep(0.01)


def downloaders() -> list[psutil.Process]:
    """Those that pulls of this process have running."""
    return [child for child in psutil.Process().children() if _is_downloader(child)]


def _is_downloader(process: psutil.Process) -> bool:
    try:
        return "registry.downloader" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def contents(directory: Path) -> dict[str, bytes]:
    """What was published, by path."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != "metadata.json"
    }

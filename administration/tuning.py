"""Tuning: a child process measures a model's pipelines, one run at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from administration.errors import AdministrationError
from configuration.tuning_store import tuning_store
from notices import Notice, Phrase, notice_of
from supervision.environment import child_environment
from supervision.python import python_command
from supervision.spawn import spawn_process
from supervision.suite import Suite

COMMAND = python_command("main.py", "tune")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TuningLine:
    """What came of measuring a model's pipelines. `date`: ISO 8601, of the day."""

    state: Literal["running", "failed", "found"]
    pipeline: str = ""
    batch: int | None = None
    date: str = ""
    error: str = ""


@dataclass(frozen=True)
class _Pair:
    device: str
    model: str


class TuningRuns:
    """`unload` ends the idle instances of a model on a device, so that their memory is free for the trials."""

    def __init__(self, suite: Suite, data_dir: Path, unload: Callable[[str, str], Awaitable[object]]) -> None:
        self._suite = suite
        self._data_dir = data_dir
        self._unload = unload
        self._running: tuple[_Pair, asyncio.Task[None]] | None = None
        self._errors: dict[_Pair, str] = {}
        self._store = tuning_store(data_dir)

    def begin(self, device: str, model: str) -> None:
        """Raises `AdministrationError` while another run is under way."""
        self._suite.status(device)
        if self._running is not None and not self._running[1].done():
            raise AdministrationError(409, "tuning_runs", model=self._running[0].model)
        pair = _Pair(device, model)
        self._errors.pop(pair, None)
        self._running = (pair, asyncio.create_task(self._run(pair), name=f"tune {model}"))

    def line(self, device: str, model: str, hardware: str | None) -> TuningLine | None:
        """What is known: that a run is under way, why the last one failed, or what was found on that hardware."""
        pair = _Pair(device, model)
        if self._running is not None and self._running[0] == pair and not self._running[1].done():
            return TuningLine("running")
        if pair in self._errors:
            return TuningLine("failed", error=self._errors[pair])
        found = self._store.find(model, hardware or "")
        if found is None:
            return None
        best = found.best
        return TuningLine("found", best.pipeline, best.max_num_batched_tokens, found.measured_at[:10])

    async def close(self) -> None:
        """End a run that is under way."""
        if self._running is not None:
            self._running[1].cancel()
            await asyncio.gather(self._running[1], return_exceptions=True)

    async def _run(self, pair: _Pair) -> None:
        with contextlib.suppress(AdministrationError):  # a server that does not run holds nothing
            await self._unload(pair.device, pair.model)
        process = await spawn_process(
            (*COMMAND, pair.model, "--device", pair.device, "--data-dir", str(self._data_dir), "--json"),
            environment=child_environment(),
            stdin=DEVNULL,
            stderr=DEVNULL,
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        error = _error(output)
        if error is not None:
            self._errors[pair] = error
            logger.warning("Tuning %s on %s failed: %s", pair.model, pair.device, error)
            return
        logger.info("Tuned %s on %s; its server starts anew to follow what was found.", pair.model, pair.device)
        await self._suite.apply(pair.device)


def _error(output: bytes) -> str | None:
    try:
        document = json.loads(output)
    except ValueError:
        return Notice("notices.tuning_no_result")
    if "error" not in document:
        return None
    error = document["error"]
    return notice_of(msgspec.convert(error.get("phrase", error["message"]), str | Phrase))

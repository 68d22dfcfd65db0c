"""Tuning from the page: a child process measures a model's pipelines, one run at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from fastapi import APIRouter

from admin.api.requests import TuneRequest
from admin.api.responses import REFUSED
from admin.api.responses import TuningStarted as BegunTuning
from admin.errors import AdminError
from admin.live.feed import LiveFeed
from admin.live.views import TuningLine
from configuration.tuning_store import Tuning, tuning_store
from notices import Notice, Phrase, notice_of
from supervision.environment import child_environment
from supervision.python import python_command
from supervision.spawn import spawn_process
from supervision.suite import Suite
from web.openapi import answer

COMMAND = python_command("main.py", "tune")

logger = logging.getLogger(__name__)


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
        self._book: tuple[int, dict[tuple[str, str], Tuning]] = (0, {})

    def begin(self, device: str, model: str) -> None:
        """Raises `AdminError` while another run is under way."""
        self._suite.status(device)
        if self._running is not None and not self._running[1].done():
            raise AdminError(409, "tuning_runs", model=self._running[0].model)
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
        found = self._found().get((model, hardware or ""))
        if found is None:
            return None
        best = found.best
        return TuningLine("found", best.pipeline, best.max_num_batched_tokens, found.measured_at[:10])

    async def close(self) -> None:
        """End a run that is under way."""
        if self._running is not None:
            self._running[1].cancel()
            await asyncio.gather(self._running[1], return_exceptions=True)

    def _found(self) -> dict[tuple[str, str], Tuning]:
        book = tuning_store(self._data_dir)
        changed = book.changed
        if changed != self._book[0]:
            self._book = (changed, {(entry.model, entry.device): entry for entry in book.all()})
        return self._book[1]

    async def _run(self, pair: _Pair) -> None:
        with contextlib.suppress(AdminError):  # a server that does not run holds nothing
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


def tuning_router(runs: TuningRuns, feed: LiveFeed) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.post("/tune", status_code=202, responses=REFUSED | answer(BegunTuning, status=202))
    async def tune(body: TuneRequest) -> dict[str, str]:
        """Begin to measure; what comes of it shows with the model in /api/status."""
        runs.begin(body.device, body.model)
        feed.poke()
        return {"device": body.device, "model": body.model, "state": "running"}

    return router

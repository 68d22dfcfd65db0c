"""Tuning: a child process measures a model with one set of settings after the other, one run at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from administration.errors import AdministrationError
from configuration.tuning_store import PipelineSettings, TuningTrial, Work, tuning_store
from notices import Notice, Phrase, notice_of
from supervision.environment import child_environment
from supervision.python import python_command
from supervision.spawn import spawn_process
from supervision.suite import Suite

COMMAND = python_command("main.py", "tune")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TuningLine:
    """What came of measuring a model. While it runs `settings` are those being tried, the `tried`-th; then they are the
    best, and `before` and `after` the trials of the default and of the best. `date`: ISO 8601, of the day."""

    state: Literal["running", "failed", "found"]
    settings: PipelineSettings | None = None
    tried: int = 0
    work: Work = "chat"
    before: TuningTrial | None = None
    after: TuningTrial | None = None
    date: str = ""
    error: str = ""


class Trying(msgspec.Struct, frozen=True):
    """What `tune --json` says on its error output before each trial."""

    trying: PipelineSettings


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
        self._trying = TuningLine("running")
        self._errors: dict[_Pair, str] = {}
        self._store = tuning_store(data_dir)

    def begin(self, device: str, model: str, work: Work = "chat") -> None:
        """Raises `AdministrationError` while another run is under way."""
        self._suite.status(device)
        if self._running is not None and not self._running[1].done():
            raise AdministrationError(409, "tuning_runs", model=self._running[0].model)
        pair = _Pair(device, model)
        self._errors.pop(pair, None)
        self._trying = TuningLine("running", work=work)
        self._running = (pair, asyncio.create_task(self._run(pair, work), name=f"tune {model}"))

    def line(self, device: str, model: str, hardware: str | None) -> TuningLine | None:
        """What is known: that a run is under way, why the last one failed, or what was found on that hardware."""
        pair = _Pair(device, model)
        if self._running is not None and self._running[0] == pair and not self._running[1].done():
            return self._trying
        if pair in self._errors:
            return TuningLine("failed", error=self._errors[pair])
        found = self._store.find(model, hardware or "")
        if found is None:
            return None
        best, date = found.best_trial, found.measured_at[:10]
        return TuningLine("found", best.settings, len(found.trials), found.work, found.trials[0], best, date)

    async def close(self) -> None:
        """End a run that is under way."""
        if self._running is not None:
            self._running[1].cancel()
            await asyncio.gather(self._running[1], return_exceptions=True)

    async def _run(self, pair: _Pair, work: Work) -> None:
        with contextlib.suppress(AdministrationError):  # a server that does not run holds nothing
            await self._unload(pair.device, pair.model)
        process = await spawn_process(
            (*COMMAND, pair.model, "--device", pair.device, "--for", work, "--data-dir", str(self._data_dir), "--json"),
            environment=child_environment(),
            stdin=DEVNULL,
            stderr=PIPE,
        )
        try:
            output = await self._follow(process)
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

    async def _follow(self, process: asyncio.subprocess.Process) -> bytes:
        """What it prints at the end. Meanwhile it says line by line what it tries."""
        assert process.stdout is not None
        assert process.stderr is not None
        output = asyncio.create_task(process.stdout.read())
        async for line in process.stderr:
            with contextlib.suppress(msgspec.MsgspecError):  # the library may have something to say too
                trying = msgspec.json.decode(line, type=Trying).trying
                self._trying = replace(self._trying, settings=trying, tried=self._trying.tried + 1)
        return await output


def _error(output: bytes) -> str | None:
    try:
        document = json.loads(output)
    except ValueError:
        return Notice("notices.tuning_no_result")
    if "error" not in document:
        return None
    error = document["error"]
    return notice_of(msgspec.convert(error.get("phrase", error["message"]), str | Phrase))

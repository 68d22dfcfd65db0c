"""Measuring a model's speed from the page: a child process runs `bench`, one at a time, and its reports are kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from time import time

import msgspec

from administration.errors import AdministrationError
from notices import Notice, Phrase, notice_of
from supervision.environment import child_environment
from supervision.python import python_command
from supervision.spawn import spawn_process
from supervision.suite import Suite
from tuning.bench_report import BenchReport, read_report

COMMAND = python_command("main.py", "bench")
BENCH_FOLDER = "bench"
MOST_REPORTS = 40
_NAME = re.compile(r"\d+_(.+)\.json")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredReport:
    """`device`: its name in the configuration."""

    device: str
    report: BenchReport


@dataclass(frozen=True)
class BenchStatus:
    """`running` and `failed`: device and model. `since`: seconds since the epoch. `reports`: newest first."""

    running: tuple[str, str] | None
    since: float
    failed: tuple[str, str] | None
    error: str
    reports: tuple[StoredReport, ...]


class BenchRuns:
    """`unload` ends the idle instances of a model on a device, so that their memory is free. The reports are files of
    `bench`, which `bench compare` reads as well."""

    def __init__(self, suite: Suite, data_dir: Path, unload: Callable[[str, str], Awaitable[object]]) -> None:
        self._suite = suite
        self._data_dir = data_dir
        self._folder = data_dir / BENCH_FOLDER
        self._unload = unload
        self._task: asyncio.Task[None] | None = None
        self._status = BenchStatus(None, 0.0, None, "", self._read())

    @property
    def status(self) -> BenchStatus:
        return self._status

    def begin(self, device: str, model: str, *, quick: bool) -> None:
        """Raises `AdministrationError` while another run is under way, and `UnknownDevice`."""
        self._suite.status(device)
        if self._status.running is not None:
            raise AdministrationError(409, "tuning_runs", model=self._status.running[1])
        self._status = BenchStatus((device, model), round(time(), 1), None, "", self._status.reports)
        self._task = asyncio.create_task(self._run(device, model, quick), name=f"bench {model}")

    async def close(self) -> None:
        """End a run that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, device: str, model: str, quick: bool) -> None:
        error = ""
        try:
            with contextlib.suppress(AdministrationError):  # a server that does not run holds nothing
                await self._unload(device, model)
            error = await self._measure(device, model, quick)
        except OSError as problem:
            error = str(problem)
        finally:
            reports = await asyncio.to_thread(self._read)
            self._status = BenchStatus(None, 0.0, (device, model) if error else None, error, reports)

    async def _measure(self, device: str, model: str, quick: bool) -> str:
        """What went wrong; empty where nothing did."""
        self._folder.mkdir(exist_ok=True)
        target = self._folder / f"{int(time())}_{device}.json"
        options = ("--device", device, "--data-dir", str(self._data_dir), "--output", str(target), "--json")
        process = await spawn_process(
            (*COMMAND, model, *options, *(("--quick",) if quick else ())),
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
        if error:
            logger.warning("The measurement of %s on %s failed: %s", model, device, error)
        return error

    def _read(self) -> tuple[StoredReport, ...]:
        """The kept reports; older ones are deleted. One that cannot be read is left out."""
        if not self._folder.is_dir():
            return ()
        found: list[StoredReport] = []
        for path in sorted(self._folder.glob("*.json"), reverse=True):
            name = _NAME.fullmatch(path.name)
            if name is None:
                continue
            if len(found) >= MOST_REPORTS:
                path.unlink(missing_ok=True)
                continue
            with contextlib.suppress(OSError, ValueError):
                found.append(StoredReport(name[1], read_report(path)))
        return tuple(found)


def _error(output: bytes) -> str:
    try:
        document = json.loads(output)
    except ValueError:
        return Notice("notices.tuning_no_result")
    if "error" not in document:
        return ""
    error = document["error"]
    return notice_of(msgspec.convert(error.get("phrase", error["message"]), str | Phrase))

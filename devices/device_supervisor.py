"""Keeps one device server running: its listening sockets, its process, its health, its log."""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import httpx

from devices.activity import ActivityBook
from devices.child import ChildProcess, describe_exit
from devices.config import DeviceSettings
from devices.health import Answer, HealthWatch
from devices.launch import Launch, Timing
from devices.logs import DeviceLog
from web.listening import CannotListen, close_all, open_listeners

logger = logging.getLogger(__name__)

DeviceState = Literal["disabled", "no_models", "starting", "running", "stopping", "restarting", "failed"]

CANNOT_START = 3
"""Exit code of a device server that would fail again however often it is started."""

_STATUS_LOG_LINES = 20


@dataclass(frozen=True)
class DeviceStatus:
    """`since`: start of the state, seconds since the epoch. `restarts`: how often it was started again after dying.
    `exit_code`: of the last process that ended (negative: a signal). `last_error`: a sentence, None while it runs."""

    name: str
    state: DeviceState
    since: float
    pid: int | None
    port: int
    restarts: int
    exit_code: int | None
    last_error: str | None
    last_log_lines: tuple[str, ...]


class DeviceSupervisor:
    """`start`, `stop` and `apply` return when done; between them a task keeps the process alive.

    The listening sockets stay open here while a process is replaced, so that connections wait instead of being
    refused; on Windows the process opens them itself.
    """

    def __init__(
        self,
        name: str,
        settings: DeviceSettings,
        *,
        launch: Launch,
        config_path: Callable[[], Path],
        client: httpx.AsyncClient,
        log: DeviceLog,
        activity: ActivityBook,
        timing: Timing,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.settings = settings
        self.health: Answer = None
        self.memory: Answer = None
        self.activity = activity
        self._launch = launch
        self._config_path = config_path
        self._client = client
        self._log = log
        self._timing = timing
        self._clock = clock
        self._lock = asyncio.Lock()
        self._ending = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._child: ChildProcess | None = None
        self._listeners: list[socket.socket] = []
        self._ask_seconds = timing.ask
        self._restarts = 0
        self._exit_code: int | None = None
        self._last_error: str | None = None
        self._state: DeviceState = self._resting_state()
        self._since = clock()

    def status(self) -> DeviceStatus:
        return DeviceStatus(
            name=self.name,
            state=self._state,
            since=self._since,
            pid=self._child.pid if self._child else None,
            port=self.settings.port,
            restarts=self._restarts,
            exit_code=self._exit_code,
            last_error=self._last_error,
            last_log_lines=tuple(line.text for line in self._log.tail(_STATUS_LOG_LINES)),
        )

    async def start(self) -> None:
        async with self._lock:
            if self._keeper is None or self._keeper.done():
                self._begin("starting")

    async def stop(self, ask_seconds: float | None = None) -> None:
        """End the process; a request in progress has `ask_seconds` to finish."""
        async with self._lock:
            self._set("stopping")
            await self._end(self._timing.ask if ask_seconds is None else ask_seconds)
            self._close_listeners()
            self._set(self._resting_state())

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    async def apply(self, settings: DeviceSettings) -> None:
        """Take over `settings` and begin afresh with them, whatever the state was."""
        async with self._lock:
            runs_on = settings.enabled and bool(settings.models)
            was_running = self._keeper is not None and not self._keeper.done()
            if was_running:
                self._set("restarting" if runs_on else "stopping")
                await self._end(self._timing.ask)
            if not runs_on or settings.port != self.settings.port:
                self._close_listeners()
            self.settings = settings
            self._begin("restarting" if was_running else "starting")

    def _resting_state(self) -> DeviceState:
        return "no_models" if self.settings.enabled and not self.settings.models else "disabled"

    def _begin(self, state: DeviceState) -> None:
        self._last_error = None
        if not self.settings.enabled or not self.settings.models:
            self._set(self._resting_state())
            return
        self._ending = asyncio.Event()
        self._set(state)
        self._keeper = asyncio.create_task(self._keep_running(), name=f"keep {self.name} running")

    async def _end(self, ask_seconds: float) -> None:
        self._ask_seconds = ask_seconds
        self._ending.set()
        if self._keeper is not None:
            await asyncio.shield(self._keeper)
            self._keeper = None

    def _set(self, state: DeviceState) -> None:
        if state != self._state:
            self._state = state
            self._since = self._clock()

    def _fail(self, sentence: str) -> None:
        self._log.remark("ERROR", sentence)
        self._last_error = sentence
        self._close_listeners()
        self._set("failed")

    def _note(self, answer: Answer) -> None:
        self.health = answer["health"] if answer else None
        self.memory = answer["memory"] if answer else None
        if answer:
            self.activity.take(answer["activity"])
        if answer and not self._ending.is_set():
            self._last_error = None
            self._set("running")

    def _end_silent(self, child: ChildProcess) -> None:
        self._log.remark("ERROR", f"pid {child.pid} does not answer /health any more; it is killed")
        child.kill()

    def _close_listeners(self) -> None:
        close_all(self._listeners)
        self._listeners = []

    async def _keep_running(self) -> None:
        try:
            await self._listen()
            await self._run_again_and_again()
        except CannotListen as error:
            self._fail(f"{error} Stop that program, or give {self.name} another port in device_config.json.")
        except OSError as error:
            self._fail(f"The device server could not be started: {error}.")
        except Exception as error:
            logger.exception("supervising %s failed", self.name)
            self._fail(f"Supervising the device server failed: {error!r}.")

    async def _listen(self) -> None:
        """Raises `CannotListen` when the port is still taken after `port_wait`."""
        if self._listeners:
            return
        deadline = asyncio.get_running_loop().time() + self._timing.port_wait
        while not self._ending.is_set():
            try:
                listeners = await asyncio.to_thread(open_listeners, self._launch.host, self.settings.port)
            except CannotListen as error:
                if not error.taken or asyncio.get_running_loop().time() >= deadline:
                    raise
                self._last_error = str(error)
                await self._pause(0.5)
                continue
            if os.name == "nt":
                close_all(listeners)
            else:
                self._listeners = listeners
            return

    async def _run_again_and_again(self) -> None:
        loop = asyncio.get_running_loop()
        pause = self._timing.first_pause
        deaths = 0
        while not self._ending.is_set():
            healthy_since = await self._run_once()
            if self._ending.is_set():
                return
            code = self._exit_code or 0
            how = f"The device server ended with {describe_exit(code)}"
            if code == CANNOT_START:
                self._fail(f"{how}: it cannot start as it is configured. Its last log lines say why.")
                return
            deaths = deaths + 1 if healthy_since is None else 0
            if deaths >= self._timing.attempts:
                self._fail(f"{how}, {deaths} times in a row before it answered. Its last log lines may say why.")
                return
            if healthy_since is not None and loop.time() - healthy_since >= self._timing.pause_reset:
                pause = self._timing.first_pause
            self._last_error = f"{how}; it is started again."
            self._log.remark("WARNING", f"{how}; it is started again in {pause:g} s")
            self._set("restarting")
            self._restarts += 1
            await self._pause(pause)
            pause = min(pause * 2, self._timing.longest_pause)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)

    async def _run_once(self) -> float | None:
        """Run one process to its end. The loop time at which it first answered, or None."""
        descriptors = [listener.fileno() for listener in self._listeners]
        child = await ChildProcess.start(
            self._launch.command(self.name, self.settings, self._config_path(), descriptors),
            cwd=self._launch.project_dir,
            environment=self._launch.environment(),
            on_line=self._log.write,
            descriptors=descriptors,
        )
        self._child = child
        self._log.remark("INFO", f"{self.name} started on port {self.settings.port}, pid {child.pid}")
        watch = HealthWatch(
            self._client,
            self._launch.base_url(self.settings.port),
            self._timing,
            cursor=lambda: self.activity.cursor,
            on_answer=self._note,
            on_silence=partial(self._end_silent, child),
        )
        tasks = [asyncio.create_task(each) for each in (child.wait(), self._ending.wait(), watch.run())]
        try:
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            self._exit_code = await child.stop(ask_seconds=self._ask_seconds, insist_seconds=self._timing.insist)
            self._log.remark("INFO", f"{self.name} ended with {describe_exit(self._exit_code)}, pid {child.pid}")
        finally:
            for task in tasks:
                task.cancel()
            child.kill()
            self._child = None
            self.health = self.memory = None
            self.activity.lose_running()
        return watch.healthy_since

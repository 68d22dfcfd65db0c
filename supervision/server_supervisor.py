"""Keeps one server process running: its listening sockets, its process, its health, its log."""

import asyncio
import contextlib
import logging
import os
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic

import httpx

from notices import Notice, joined
from supervision.child import ChildProcess
from supervision.exit_status import describe_exit
from supervision.health import Answer, HealthWatch
from supervision.launch import Launch, Timing
from supervision.logs import DeviceLog
from supervision.server_status import ServerState, ServerStatus
from web.listening import CannotListen, close_all, open_listeners

logger = logging.getLogger(__name__)

CANNOT_START = 3
"""Exit code of a server that would fail again however often it is started."""

_STATUS_LOG_LINES = 20


class ServerSupervisor(ABC, Generic[Answer]):
    """`start` and `stop` return when done; between them a task keeps the process alive.

    The listening sockets stay open here while a process is replaced, so that connections wait instead of being
    refused; on Windows the process opens them itself. A subclass says what is run, where, and who wants to hear of it.
    """

    answer_type: type[Answer]

    def __init__(
        self,
        name: str,
        *,
        launch: Launch,
        client: httpx.AsyncClient,
        log: DeviceLog,
        timing: Timing,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.log = log
        self._launch = launch
        self._client = client
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
        self._state: ServerState = self._resting_state()
        self._since = clock()

    @property
    @abstractmethod
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""

    @abstractmethod
    def _wanted(self) -> bool:
        """Whether there is to be a process at all."""

    @abstractmethod
    def _command(self, descriptors: Sequence[int]) -> list[str]:
        """The command of the process, which inherits the listening sockets `descriptors`."""

    @abstractmethod
    def _question(self) -> str:
        """The path that is asked again and again."""

    @abstractmethod
    def _hear(self, answer: Answer) -> None:
        """An answer to it."""

    @abstractmethod
    def _way_out(self) -> str:
        """What to do where the port is taken: a sentence."""

    @abstractmethod
    def _ended(self) -> None:
        """The process has ended."""

    def _resting_state(self) -> ServerState:
        return "disabled"

    def status(self) -> ServerStatus:
        return ServerStatus(
            name=self.name,
            state=self._state,
            since=self._since,
            pid=self._child.pid if self._child else None,
            port=self.address[1],
            restarts=self._restarts,
            exit_code=self._exit_code,
            last_error=self._last_error,
            last_log_lines=tuple(line.text for line in self.log.tail(_STATUS_LOG_LINES)),
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

    async def _apply(self, take_over: Callable[[], None], *, runs_on: bool) -> None:
        """Begin afresh once `take_over` has changed the settings, whatever the state was. `runs_on`: a process is
        wanted with the new ones."""
        async with self._lock:
            was_running = self._keeper is not None and not self._keeper.done()
            before = self.address
            if was_running:
                self._set("restarting" if runs_on else "stopping")
                await self._end(self._timing.ask)
            take_over()
            if not runs_on or self.address != before:
                self._close_listeners()
            self._begin("restarting" if was_running else "starting")

    def _begin(self, state: ServerState) -> None:
        self._last_error = None
        if not self._wanted():
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

    def _set(self, state: ServerState) -> None:
        if state != self._state:
            self._state = state
            self._since = self._clock()

    def _fail(self, sentence: str) -> None:
        self.log.remark("ERROR", sentence)
        self._last_error = sentence
        self._close_listeners()
        self._set("failed")

    def _note(self, answer: Answer | None) -> None:
        if answer is None:  # a busy machine may answer late; what was last heard stays until the process has ended
            return
        self._hear(answer)
        if not self._ending.is_set():
            self._last_error = None
            self._set("running")

    def _end_silent(self, child: ChildProcess) -> None:
        self.log.remark("ERROR", f"pid {child.pid} does not answer /health any more; it is killed")
        child.kill()

    def _close_listeners(self) -> None:
        close_all(self._listeners)
        self._listeners = []

    async def _keep_running(self) -> None:
        try:
            await self._listen()
            await self._run_again_and_again()
        except CannotListen as error:
            self._fail(joined(str(error), self._way_out()))
        except OSError as error:
            self._fail(Notice("notices.server_not_started", error=error))
        except Exception as error:
            logger.exception("supervising %s failed", self.name)
            self._fail(Notice("notices.supervision_failed", error=f"{error!r}"))

    async def _listen(self) -> None:
        """Raises `CannotListen` when the port is still taken after `port_wait`."""
        if self._listeners:
            return
        deadline = asyncio.get_running_loop().time() + self._timing.port_wait
        while not self._ending.is_set():
            try:
                listeners = await asyncio.to_thread(open_listeners, *self.address)
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
            how = Notice("notices.server_ended", exit=describe_exit(code))
            if code == CANNOT_START:
                self._fail(Notice("notices.server_cannot_start", how=how))
                return
            deaths = deaths + 1 if healthy_since is None else 0
            if deaths >= self._timing.attempts:
                self._fail(Notice("notices.server_gives_up", how=how, deaths=deaths))
                return
            if healthy_since is not None and loop.time() - healthy_since >= self._timing.pause_reset:
                pause = self._timing.first_pause
            self._last_error = Notice("notices.server_restarts", how=how)
            self.log.remark("WARNING", f"{how}; it is started again in {pause:g} s")
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
            self._command(descriptors),
            cwd=self._launch.project_dir,
            environment=self._launch.environment(),
            on_line=self.log.write,
            descriptors=descriptors,
        )
        self._child = child
        self.log.remark("INFO", f"{self.name} started on port {self.address[1]}, pid {child.pid}")
        host, port = self.address
        watch = HealthWatch(
            self._client,
            self._launch.base_url(port, host),
            self._timing,
            question=self._question,
            answer_type=self.answer_type,
            on_answer=self._note,
            on_silence=partial(self._end_silent, child),
        )
        tasks = [asyncio.create_task(each) for each in (child.wait(), self._ending.wait(), watch.run())]
        try:
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            self._exit_code = await child.stop(ask_seconds=self._ask_seconds, insist_seconds=self._timing.insist)
            self.log.remark("INFO", f"{self.name} ended with {describe_exit(self._exit_code)}, pid {child.pid}")
        finally:
            for task in tasks:
                task.cancel()
            child.kill()
            self._child = None
            self._ended()
        return watch.healthy_since

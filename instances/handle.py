"""The device server's side of an instance: start its worker, send requests, receive tokens, notice its end."""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from instances.frames import FrameSplitter, encode_frame
from instances.protocol import (
    Cancel,
    FromWorker,
    Generate,
    GenerationParams,
    InstanceBroken,
    InstanceReady,
    LoadFailed,
    LoadModel,
    MultimodalPrompt,
    Request,
    Rows,
    TextWork,
    TokenOutput,
    TokenOutputs,
    ToWorker,
    Work,
    decode_from_worker,
)
from notices import Notice
from supervision.exit_status import describe_exit
from supervision.python import python_command, python_environment
from supervision.spawn import LINE_LIMIT, spawn

_EXIT_SECONDS = 1.0
WORKER_COMMAND = python_command("-m", "instances.worker")


class InstanceLoadError(Exception):
    """The model could not be loaded; str() is the reason."""


class InstanceLost(Exception):
    """The worker ended while it owed an answer; str() is what is known of the reason."""


class RequestRefused(Exception):
    """The pipeline refused this one request; str() is the reason. `prompt_tokens`: of one that is too long."""

    def __init__(self, reason: str, prompt_tokens: int | None = None) -> None:
        super().__init__(reason)
        self.prompt_tokens = prompt_tokens


class _FrameProtocol(asyncio.subprocess.SubprocessStreamProtocol):
    """A process whose frames are handed on as they come: a task that reads them would be woken for each."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        super().__init__(limit=LINE_LIMIT, loop=asyncio.get_running_loop())
        self._splitter = FrameSplitter()
        self._take = take

    def pipe_data_received(self, fd: int, data: bytes | bytearray | str) -> None:
        assert not isinstance(data, str)  # bytes, before Python 3.12 on Windows a bytearray
        for payload in self._splitter.push(data):
            self._take(payload)


async def _start(command: Sequence[str], take: Callable[[bytes], None]) -> asyncio.subprocess.Process:
    loop = asyncio.get_running_loop()
    transport, protocol = await spawn(command, lambda: _FrameProtocol(take), environment=python_environment())
    return asyncio.subprocess.Process(transport, protocol, loop)


class Instance:
    """One worker process with one loaded model.

    `load` starts it and returns when it is ready. `generate` may be called as often at once as the pipeline's kind
    allows; keeping to that is the caller's part. `stop` ends the process; the requests it still has end in
    `InstanceLost`.
    """

    def __init__(self, spec: LoadModel, *, command: tuple[str, ...] = WORKER_COMMAND) -> None:
        self.spec = spec
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._pid: int | None = None
        self._receiver: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[InstanceReady] = asyncio.get_running_loop().create_future()
        self._generations: dict[int, Generation] = {}
        self._ids = itertools.count(1)
        self._end_reason: str | None = None
        self._load_failed = False
        self._heard_at = time.monotonic()
        self._unsent: list[bytes] = []
        self.closed = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether it works on a request."""
        return bool(self._generations)

    @property
    def pid(self) -> int | None:
        """Of the worker itself once it is ready; before that, of what was started."""
        return self._pid

    async def load(self) -> InstanceReady:
        """Start the worker and wait until its model is warm. Raises `InstanceLoadError`, and `InstanceLost` when the
        worker dies without a word."""
        self._process = await _start(self._command, self._take)
        self._pid = self._process.pid
        self._receiver = asyncio.create_task(self._receive(self._process))
        if self._end_reason is not None:  # it spoke before there was a process to kill
            self.kill()
        self.send(self.spec)
        return await asyncio.shield(self._ready)

    @contextmanager
    def generate(
        self, prompt_ids: list[int], sampling: GenerationParams, multimodal: MultimodalPrompt | None = None
    ) -> Iterator["Generation"]:
        """Begin a request; leaving the context early cancels it."""
        with self._begin(Generate(next(self._ids), prompt_ids, sampling, multimodal)) as generation:
            yield generation

    async def compute(self, work: TextWork) -> Rows:
        """The rows of one slice of texts. Raises `InstanceLost` and `RequestRefused`."""
        with self._begin(msgspec.structs.replace(work, id=next(self._ids))) as generation:
            async for output in generation:
                if output.rows is not None:
                    return output.rows
        raise InstanceLost(self.end_reason())

    async def work(self, data: bytes) -> AsyncGenerator[bytes, None]:
        """The pieces of what a `Work` makes. Closing it early cancels the work. Raises `InstanceLost` and
        `RequestRefused`."""
        with self._begin(Work(next(self._ids), data)) as generation:
            async for output in generation:
                if output.data is not None:
                    yield output.data

    @contextmanager
    def _begin(self, request: Request) -> Iterator["Generation"]:
        generation = Generation(request.id, self)
        self._generations[generation.id] = generation
        self._heard_at = time.monotonic()
        if self.closed.is_set():
            generation.put(None)
        else:
            self.send(request)
        try:
            yield generation
        finally:
            del self._generations[generation.id]
            generation.cancel()

    async def stop(self, *, grace: float = 2.0) -> None:
        """End the worker: close its input, and kill it if it has not ended after `grace` seconds."""
        self._end_reason = self._end_reason or Notice("notices.instance_stopped")
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), grace)
        except asyncio.TimeoutError:
            self.kill()
        await self.closed.wait()

    def silent_seconds(self) -> float:
        """How long nothing has come from the worker; a working one says something every few seconds."""
        return time.monotonic() - self._heard_at

    def kill(self) -> None:
        """End the worker at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def send(self, message: ToWorker) -> None:
        """Write to the worker, at the end of the event loop's turn; nothing happens when it has ended.

        Requests that came together so begin together: one that the worker hears of first is otherwise computed alone.
        """
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._send_all)
        self._unsent.append(encode_frame(message))

    def _send_all(self) -> None:
        frames, self._unsent = self._unsent, []
        assert self._process is not None
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(b"".join(frames))

    async def _receive(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            await process.stdout.read()  # to its end; what comes goes to `_take`
        except ConnectionError:
            pass
        finally:
            await self._close(process)

    def _take(self, payload: bytes) -> None:
        self._heard_at = time.monotonic()
        try:
            message = decode_from_worker(payload)
        except msgspec.DecodeError as error:
            self._end_reason = self._end_reason or f"The instance's process wrote what is no message: {error}"
            self.kill()
        else:
            self._handle(message)

    def _handle(self, message: FromWorker) -> None:
        match message:
            case TokenOutputs(outputs, at):
                for output in outputs:
                    generation = self._generations.get(output.id)
                    if generation is not None:
                        generation.put(output, at)
            case InstanceReady():
                self._pid = message.pid
                self._ready.set_result(message)
            case LoadFailed(reason):
                self._end_reason, self._load_failed = reason, True
            case InstanceBroken(reason):
                self._end_reason = reason

    async def _close(self, process: asyncio.subprocess.Process) -> None:
        try:  # a kill of one that has just ended by itself would hide its exit status
            status = await asyncio.wait_for(process.wait(), _EXIT_SECONDS)
        except asyncio.TimeoutError:
            self.kill()
            status = await process.wait()
        self._end_reason = self._end_reason or Notice("notices.instance_process_ended", exit=describe_exit(status))
        self.closed.set()
        if not self._ready.done():
            error = InstanceLoadError if self._load_failed else InstanceLost
            self._ready.set_exception(error(self.end_reason()))
            self._ready.exception()
        for generation in self._generations.values():
            generation.put(None)

    def end_reason(self) -> str:
        """What is known of why the process ended."""
        return self._end_reason or Notice("notices.instance_ended")


class Generation:
    """One request in an instance: iterate it once for its outputs; the last has `finish` set. `at` is when the worker
    had the latest of them, in seconds on its own clock.

    Iterating raises `InstanceLost` and `RequestRefused`.
    """

    def __init__(self, request_id: int, instance: Instance) -> None:
        self.id = request_id
        self._instance = instance
        self._loop = asyncio.get_running_loop()
        self.at = 0.0
        self._outputs: deque[tuple[TokenOutput | None, float]] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._finished = False

    def put(self, output: TokenOutput | None, at: float = 0.0) -> None:
        """Hand in an output; None when the instance has ended."""
        self._outputs.append((output, at))
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def cancel(self) -> None:
        """Ask for the end; it comes as an output with finish "cancelled"."""
        if not self._finished and not self._instance.closed.is_set():
            self._instance.send(Cancel(self.id))

    def __aiter__(self) -> "Generation":
        return self

    async def __anext__(self) -> TokenOutput:
        if self._finished:
            raise StopAsyncIteration
        while not self._outputs:  # an asyncio.Queue does the same for three times the work, at every token
            self._arrival = self._loop.create_future()
            await self._arrival
        output, self.at = self._outputs.popleft()
        if output is None:
            self._finished = True
            raise InstanceLost(self._instance.end_reason())
        self._finished = output.finish is not None or output.error is not None
        if output.error:
            raise RequestRefused(output.error, output.prompt_tokens)
        return output

"""The device server's side of an instance: start its worker, send requests, receive tokens, notice its end."""

import asyncio
import itertools
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import msgspec
import psutil

from instances.messages import (
    HEADER_BYTES,
    Broken,
    Cancel,
    FromWorker,
    Generate,
    LoadFailed,
    LoadModel,
    Output,
    Outputs,
    Ready,
    Request,
    Rows,
    Sampling,
    TextWork,
    ToWorker,
    decode_from_worker,
    decode_length,
    encode_frame,
)

_PROJECT = Path(__file__).resolve().parent.parent
WORKER_COMMAND = (sys.executable, "-m", "instances.worker")


class InstanceLoadError(Exception):
    """The model could not be loaded; str() is the reason."""


class InstanceLost(Exception):
    """The worker ended while it owed an answer; str() is what is known of the reason."""


class RequestRefused(Exception):
    """The pipeline refused this one request; str() is the reason."""


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
        self._receiver: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        self._outputs: dict[int, asyncio.Queue[Output | None]] = {}
        self._ids = itertools.count(1)
        self._end_reason: str | None = None
        self.closed = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def load(self) -> Ready:
        """Start the worker and wait until its model is warm. Raises `InstanceLoadError`."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=_PROJECT
        )
        self._receiver = asyncio.create_task(self._receive(self._process))
        self._send(self.spec)
        return await asyncio.shield(self._ready)

    async def generate(self, prompt_ids: list[int], sampling: Sampling) -> AsyncGenerator[Output, None]:
        """The outputs of one request, as the steps bring them; the last has `finish` set.

        Leaving the iteration early cancels the request. Raises `InstanceLost` and `RequestRefused`.
        """
        async with aclosing(self._outputs_of(Generate(next(self._ids), prompt_ids, sampling))) as outputs:
            async for output in outputs:
                yield output

    async def _outputs_of(self, request: Request) -> AsyncGenerator[Output, None]:
        queue: asyncio.Queue[Output | None] = asyncio.Queue()
        self._outputs[request.id] = queue
        finished = False
        try:
            if self.closed.is_set():
                raise InstanceLost(self._reason())
            self._send(request)
            while not finished:
                output = await queue.get()
                finished = output is None or output.finish is not None or output.error is not None
                if output is None:
                    raise InstanceLost(self._reason())
                if output.error:
                    raise RequestRefused(output.error)
                yield output
        finally:
            del self._outputs[request.id]
            if not finished and not self.closed.is_set():
                self._send(Cancel(request.id))

    async def compute(self, work: TextWork) -> Rows:
        """The rows of one slice of texts. Raises `InstanceLost` and `RequestRefused`."""
        async with aclosing(self._outputs_of(msgspec.structs.replace(work, id=next(self._ids)))) as outputs:
            async for output in outputs:
                if output.rows is not None:
                    return output.rows
        raise InstanceLost(self._reason())

    async def stop(self, *, grace: float = 2.0) -> None:
        """End the worker: close its input, and kill it if it has not ended after `grace` seconds."""
        self._end_reason = self._end_reason or "The instance was stopped."
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

    def kill(self) -> None:
        """End the worker at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def memory_bytes(self) -> int | None:
        """The worker's resident memory, None when it is not running."""
        if self.pid is None or self.closed.is_set():
            return None
        try:
            return psutil.Process(self.pid).memory_info().rss
        except psutil.Error:
            return None

    def _send(self, message: ToWorker) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(encode_frame(message))

    async def _receive(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while True:
                header = await process.stdout.readexactly(HEADER_BYTES)
                payload = await process.stdout.readexactly(decode_length(header))
                self._handle(decode_from_worker(payload))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            await self._close(process)

    def _handle(self, message: FromWorker) -> None:
        match message:
            case Outputs(outputs):
                for output in outputs:
                    queue = self._outputs.get(output.id)
                    if queue is not None:
                        queue.put_nowait(output)
            case Ready():
                self._ready.set_result(message)
            case LoadFailed(reason) | Broken(reason):
                self._end_reason = reason

    async def _close(self, process: asyncio.subprocess.Process) -> None:
        self.kill()
        status = await process.wait()
        self._end_reason = self._end_reason or f"The instance's process ended with status {status}."
        self.closed.set()
        if not self._ready.done():
            self._ready.set_exception(InstanceLoadError(self._reason()))
            self._ready.exception()
        for queue in self._outputs.values():
            queue.put_nowait(None)

    def _reason(self) -> str:
        return self._end_reason or "The instance has ended."

"""The process around one loaded model: `python -m instances.worker`, messages on stdin and stdout.

End-of-file on stdin ends it at once, also in the middle of loading or of a step, so it never outlives its parent.
"""

import os
import threading
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import BinaryIO

from instances.frames import encode_frame, read_frame
from instances.own_pipes import take_pipes
from instances.pipeline import Pipeline
from instances.pipelines import load_pipeline
from instances.protocol import (
    Cancel,
    FromWorker,
    InstanceBroken,
    InstanceReady,
    LoadFailed,
    LoadModel,
    Request,
    TokenOutput,
    TokenOutputs,
    decode_to_worker,
)

_WARM_UP_ID = 0
_SILENCE_SECONDS = 2.0


class Worker:
    """Loads what the first message asks for, then answers requests until its input ends."""

    def __init__(self, commands: BinaryIO, replies: BinaryIO) -> None:
        self._commands = commands
        self._replies = replies
        self._inbox: SimpleQueue[Request | Cancel] = SimpleQueue()
        self._pipeline: Pipeline | None = None
        self._sent_at = time.monotonic()

    def run(self) -> int:
        """The process's exit status: 0 after the end of input, 1 when loading failed or the pipeline broke."""
        payload = read_frame(self._commands)
        spec = decode_to_worker(payload) if payload is not None else None
        if not isinstance(spec, LoadModel):
            return 0
        threading.Thread(target=self._read_commands, daemon=True).start()
        try:
            pipeline = self._load(spec)
        except Exception as error:
            self._send(LoadFailed(_describe(error)))
            return 1
        self._pipeline = pipeline
        try:
            self._serve(pipeline)
        except Exception as error:
            self._send(InstanceBroken(_describe(error)))
        return 1

    def _load(self, spec: LoadModel) -> Pipeline:
        started = time.monotonic()
        pipeline = load_pipeline(spec)
        loaded = time.monotonic()
        # The first inference compiles kernels and takes many times a normal one.
        pipeline.submit(pipeline.warm_up(_WARM_UP_ID))
        while pipeline.busy:
            pipeline.step(_raise_errors)
        self._send(InstanceReady(loaded - started, time.monotonic() - loaded, os.getpid()))
        return pipeline

    def _serve(self, pipeline: Pipeline) -> None:
        while True:
            for command in self._next_commands(wait=not pipeline.busy):
                if isinstance(command, Cancel):
                    pipeline.cancel(command.id)
                else:
                    self._submit(pipeline, command)
            if pipeline.busy:
                pipeline.step(self._emit)
                self._show_life()

    def _show_life(self) -> None:
        """A long prompt takes many steps without output; the server must not think that it hangs."""
        if time.monotonic() - self._sent_at > _SILENCE_SECONDS:
            self._emit([])

    def _submit(self, pipeline: Pipeline, request: Request) -> None:
        try:
            pipeline.submit(request)
        except Exception as error:
            self._emit([TokenOutput(request.id, [], error=_describe(error))])

    def _next_commands(self, *, wait: bool) -> Iterator[Request | Cancel]:
        try:
            yield self._inbox.get(block=wait)
            while True:
                yield self._inbox.get_nowait()
        except Empty:
            return

    def _read_commands(self) -> None:
        while (payload := read_frame(self._commands)) is not None:
            command = decode_to_worker(payload)
            if isinstance(command, LoadModel):
                break
            # A step of a single-request pipeline is a whole answer: a cancellation must not wait for its end.
            if isinstance(command, Cancel) and self._pipeline is not None:
                self._pipeline.cancel(command.id)
            self._inbox.put(command)
        os._exit(0)

    def _emit(self, outputs: list[TokenOutput]) -> None:
        self._send(TokenOutputs(outputs, time.perf_counter()))

    def _send(self, message: FromWorker) -> None:
        self._replies.write(encode_frame(message))
        self._replies.flush()
        self._sent_at = time.monotonic()


def _describe(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    # Native errors begin with where they were raised and end with what was wrong.
    return lines[-1].strip() if lines else type(error).__name__


def _raise_errors(outputs: list[TokenOutput]) -> None:
    for output in outputs:
        if output.error:
            raise RuntimeError(output.error)


def main() -> int:
    commands, replies = take_pipes()
    return Worker(commands, replies).run()


if __name__ == "__main__":
    # Taking a pipeline down in order can hang or abort after a device error; the system frees everything anyway.
    os._exit(main())

"""An instance without a model: one token for every request, again and again, as fast as the pipe takes them."""

import os
import sys
import threading
import time
from pathlib import Path

from tokenizers import Tokenizer

from instances.frames import encode_frame, read_frame
from instances.protocol import (
    Cancel,
    FromWorker,
    Generate,
    InstanceReady,
    LoadModel,
    TokenOutput,
    TokenOutputs,
    decode_to_worker,
)

_TEXT = "What was asked for is answered here, word for word, by an engine that computes nothing at all. "


class NullEngine:
    """`ids` are what every answer repeats."""

    def __init__(self, ids: list[int]) -> None:
        self._ids = ids
        self._left: dict[int, int] = {}
        self._changed = threading.Condition()

    def read_commands(self) -> None:
        while (payload := read_frame(sys.stdin.buffer)) is not None:
            command = decode_to_worker(payload)
            with self._changed:
                if isinstance(command, Generate):
                    self._left[command.id] = command.sampling.token_limit
                elif isinstance(command, Cancel):
                    self._left.pop(command.id, None)
                self._changed.notify()
        os._exit(0)

    def run(self) -> None:
        _send(InstanceReady(0.0, 0.0, os.getpid()))
        threading.Thread(target=self.read_commands, daemon=True).start()
        while True:
            _send(TokenOutputs(self._step(), time.perf_counter()))

    def _step(self) -> list[TokenOutput]:
        with self._changed:
            self._changed.wait_for(lambda: self._left)
            outputs: list[TokenOutput] = []
            for id_, left in list(self._left.items()):
                outputs.append(TokenOutput(id_, [self._ids[left % len(self._ids)]], "length" if left == 1 else None))
                self._left[id_] -= 1
                if left == 1:
                    del self._left[id_]
            return outputs


def _send(message: FromWorker) -> None:
    sys.stdout.buffer.write(encode_frame(message))
    sys.stdout.buffer.flush()


def main() -> None:
    payload = read_frame(sys.stdin.buffer)
    spec = decode_to_worker(payload) if payload is not None else None
    if isinstance(spec, LoadModel):
        tokenizer = Tokenizer.from_file(str(Path(spec.directory) / "tokenizer.json"))
        NullEngine(tokenizer.encode(_TEXT, add_special_tokens=False).ids).run()


if __name__ == "__main__":
    main()

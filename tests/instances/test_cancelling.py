"""A client that leaves in the very moment in which its answer's next token is read."""

import threading
from collections.abc import Callable
from pathlib import Path

import openvino_genai as genai
from openvino_genai.py_openvino_genai import GenerationHandle

from instances.continuous_batching import ContinuousBatching
from instances.protocol import Generate, GenerationParams, LoadModel, TokenOutput

MODEL = Path(__file__).resolve().parent.parent / "models" / "test_chat"


class LeftWhileRead(ContinuousBatching):
    """Whoever is to be read from is cancelled by another thread between the look and the reading."""

    def _add(self, request: Generate, config: genai.GenerationConfig) -> GenerationHandle:
        handle = super()._add(request, config)
        return _Left(handle, lambda: self.cancel(request.id))  # pyright: ignore[reportReturnType]


class _Left:
    def __init__(self, handle: GenerationHandle, cancel: Callable[[], None]) -> None:
        self._handle = handle
        self._cancel = cancel

    def __getattr__(self, name: str) -> object:
        return getattr(self._handle, name)

    def can_read(self) -> bool:
        there = self._handle.can_read()
        if there:
            reader = threading.Thread(target=self._cancel)
            reader.start()
            reader.join()
        return there


def test_it_ends_alone() -> None:
    pipeline = LeftWhileRead(LoadModel(str(MODEL), "CPU", "continuous_batching", {}, None, 512, 0, 0))
    outputs: list[TokenOutput] = []
    for request_id in (1, 2):
        pipeline.submit(Generate(request_id, [5, 6, 7], GenerationParams(max_tokens=3, ignore_eos=True)))
    while pipeline.busy:
        pipeline.step(outputs.extend)
    assert [(output.id, output.finish) for output in outputs if output.finish] == [(1, "cancelled"), (2, "cancelled")]
    pipeline.submit(Generate(3, [5, 6, 7], GenerationParams(max_tokens=1, ignore_eos=True)))
    while pipeline.busy:
        pipeline.step(outputs.extend)
    assert outputs[-1].finish is not None

"""The bare library, as a helper process: a pipeline and the shortest loop around it.

Nothing of the server is imported here, so that this is what the library does by itself.
"""

import os
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai
from openvino_genai.py_openvino_genai import GenerationHandle

from tests.support.messages import (
    Answer,
    EngineSettings,
    Job,
    Measured,
    Prompt,
    Ready,
    messages_of,
    own_streams,
    receive,
    send,
)


@dataclass
class _Request:
    handle: GenerationHandle
    prompt_tokens: int
    asked_at: float
    tokens: int = 0
    times: list[float] = field(default_factory=list)

    def read(self) -> None:
        if self.handle.can_read():
            for output in self.handle.read().values():
                self.tokens += len(output.generated_ids)
                self.times.append(time.perf_counter() - self.asked_at)

    @property
    def running(self) -> bool:
        return self.handle.get_status() == genai.GenerationStatus.RUNNING


class Batching:
    """A ContinuousBatchingPipeline."""

    def __init__(self, settings: EngineSettings) -> None:
        scheduler = genai.SchedulerConfig()
        scheduler.num_kv_blocks = settings.kv_blocks
        scheduler.enable_prefix_caching = settings.prefix_caching
        if settings.max_num_batched_tokens is not None:
            scheduler.max_num_batched_tokens = settings.max_num_batched_tokens
        self._pipeline = genai.ContinuousBatchingPipeline(
            settings.directory, scheduler, settings.device, dict(settings.properties)
        )
        self._tokenizer = self._pipeline.get_tokenizer()
        self._ids = iter(range(1, 2**62))

    def run(self, job: Job) -> Measured:
        """Templates and encoding count as in the served path."""
        waiting, late = deque(job.prompts), deque(job.late)
        running: list[_Request] = []
        finished: list[_Request] = []
        started = time.perf_counter()
        while waiting or running or late:
            while late and time.perf_counter() - started >= job.late_seconds:
                running.append(self._begin(late.popleft(), job.max_tokens))
            while waiting and len(running) < job.streams:
                running.append(self._begin(waiting.popleft(), job.max_tokens))
            self._pipeline.step()
            for request in running:
                request.read()
            finished += [request for request in running if not request.running]
            running = [request for request in running if request.running]
        seconds = time.perf_counter() - started
        return Measured(seconds, [Answer(each.prompt_tokens, each.tokens, each.times) for each in finished])

    def _begin(self, prompt: Prompt, max_tokens: int) -> _Request:
        asked_at = time.perf_counter()
        ids = _encode(self._tokenizer, prompt)
        config = _fixed_length(self._pipeline.get_config(), max_tokens)
        tensor = ov.Tensor(np.array([ids], dtype=np.int64))
        return _Request(self._pipeline.add_request(next(self._ids), tensor, config), len(ids), asked_at)


class Single:
    """An LLMPipeline: one request after the other."""

    def __init__(self, settings: EngineSettings) -> None:
        properties: dict[str, Any] = dict(settings.properties)
        self._pipeline = genai.LLMPipeline(settings.directory, settings.device, **properties)
        self._tokenizer = self._pipeline.get_tokenizer()

    def run(self, job: Job) -> Measured:
        started = time.perf_counter()
        answers = [self._answer(prompt, job.max_tokens) for prompt in job.prompts]
        return Measured(time.perf_counter() - started, answers)

    def _answer(self, prompt: Prompt, max_tokens: int) -> Answer:
        asked_at = time.perf_counter()
        times: list[float] = []

        def note(_: str) -> bool:
            times.append(time.perf_counter() - asked_at)
            return False

        ids = np.array([_encode(self._tokenizer, prompt)], dtype=np.int64)
        inputs = genai.TokenizedInputs(ov.Tensor(ids), ov.Tensor(np.ones_like(ids)))
        config = _fixed_length(self._pipeline.get_generation_config(), max_tokens)
        result = self._pipeline.generate(inputs, config, note)
        return Answer(ids.size, len(result.tokens[0]), times)


def _encode(tokenizer: Any, prompt: Prompt) -> Any:
    text = tokenizer.apply_chat_template(messages_of(prompt), True)
    return tokenizer.encode(text, add_special_tokens=False).input_ids.data[0]


def _fixed_length(config: Any, tokens: int) -> Any:
    config.do_sample = False
    config.ignore_eos = True
    config.max_new_tokens = tokens
    return config


def main() -> None:
    jobs, replies = own_streams()
    settings = receive(jobs, EngineSettings)
    if settings is None:
        return
    pipeline = Single(settings) if settings.single else Batching(settings)
    send(replies, Ready())
    while job := receive(jobs, Job):
        send(replies, pipeline.run(job))


if __name__ == "__main__":
    main()
    os._exit(0)  # taking a pipeline down takes time and shows nothing

"""One trial: an instance with certain settings, and what it takes for four kinds of work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from configuration.tuning_store import DECODED_TOKENS, STREAM_TOKENS, STREAMS, PipelineSettings, TuningTrial
from instances.handle import Instance
from instances.protocol import GenerationParams, LoadModel
from tuning.work import Questions

_REPEATS = 2
_NEXT_TURN_TOKENS = 32
TEXT = (
    "A model server answers many questions at once. It keeps what it has read, so that the next turn of a conversation "
    "begins where the last one ended, and it measures what a machine can do instead of guessing. "
)
"""What prompts are made of."""


class Prompts:
    """Prompts that no cache knows: the words of a text, begun at another place each time."""

    def __init__(self, ids: Sequence[int], length: int) -> None:
        self._ids = list(ids)
        self._length = length
        self._begun = 0

    def next(self, length: int | None = None) -> list[int]:
        self._begun += 1
        rotated = self._ids[self._begun % len(self._ids) :] + self._ids[: self._begun % len(self._ids)]
        wanted = length or self._length
        return (rotated * (wanted // len(rotated) + 1))[:wanted]


async def run_trial(
    spec: LoadModel,
    settings: PipelineSettings,
    prompts: Prompts,
    questions: Questions,
    *,
    stage: int = 0,
    make_instance: Callable[[LoadModel], Instance] = Instance,
) -> TuningTrial:
    """Raises `InstanceLoadError`, `InstanceLost` and `RequestRefused`."""
    instance = make_instance(spec)
    try:
        ready = await instance.load()
        await _answer(instance, questions.next(), 4)
        cold, second, speed, four = [], [], [], []
        for _ in range(_REPEATS):
            prompt = prompts.next()
            cold.append(await _first_token(instance, prompt))
            second.append(await _first_token(instance, prompt + prompts.next(_NEXT_TURN_TOKENS)))
            speed.append(DECODED_TOKENS / await _answer(instance, questions.next(), DECODED_TOKENS))
            four.append(await _four_streams(instance, questions))
    finally:
        await instance.stop()
    # The quickest of the repeats: what made another slower was something else on the machine.
    return TuningTrial(
        settings, ready.load_seconds + ready.warm_up_seconds, min(cold), min(second), max(speed), min(four), stage
    )


async def _first_token(instance: Instance, prompt: list[int]) -> float:
    return await _answer(instance, prompt, 1)


async def _answer(instance: Instance, prompt: list[int], tokens: int) -> float:
    """Seconds for an answer of so many tokens."""
    started = time.perf_counter()
    with instance.generate(prompt, GenerationParams(max_tokens=tokens, temperature=0, ignore_eos=True)) as generation:
        async for _ in generation:
            pass
    return time.perf_counter() - started


async def _four_streams(instance: Instance, questions: Questions) -> float:
    """A pipeline that answers one at a time takes them in turn."""
    started = time.perf_counter()
    await asyncio.gather(*(_answer(instance, questions.next(), STREAM_TOKENS) for _ in range(STREAMS)))
    return time.perf_counter() - started

"""What guessing tokens from the prompt gains where a text repeats itself, and what it costs where it does not."""

import asyncio
import time
from pathlib import Path
from statistics import median

from benchmarks.measurements.section import Row, Section
from instances.handle import Instance
from instances.protocol import GenerationParams, LoadModel

_GUESSES = (3, 5)
_STREAMS = (1, 8)
_TOKENS = 96
_KV_CACHE_TOKENS = 8192
_PROMPT = [1000 + number % 24 for number in range(96)]
_CASES = {
    # With random weights a greedy answer soon goes in circles, and a sampled one never repeats anything.
    "an answer that repeats itself": 0.0,
    "an answer that never does": 1.0,
}


def prompt_lookup(model: Path, runs: int, *, device: str) -> Section:
    """Tokens per second with guessing over those without, run by run."""
    ratios = asyncio.run(_ratios(model, runs, device))
    rows = [
        Row(f"{case}, {streams} streams, {guesses} guessed", values, "×") for (guesses, streams, case), values in ratios
    ]
    return Section("prompt-lookup", "Prompt lookup: speed of decoding over that without", rows=rows)


async def _ratios(model: Path, runs: int, device: str) -> list[tuple[tuple[int, int, str], list[float]]]:
    found: dict[tuple[int, int, str], list[float]] = {}
    plain = await _load(model, device, None)
    try:
        for guesses in _GUESSES:
            guessing = await _load(model, device, guesses)
            try:
                for run in range(runs + 1):
                    for streams in _STREAMS:
                        for case, temperature in _CASES.items():
                            speeds = [await _speed(each, streams, temperature, run) for each in (guessing, plain)]
                            if run:  # the first warms up
                                found.setdefault((guesses, streams, case), []).append(speeds[0] / speeds[1])
            finally:
                await guessing.stop()
    finally:
        await plain.stop()
    return sorted(found.items())


async def _load(model: Path, device: str, guesses: int | None) -> Instance:
    spec = LoadModel(str(model), device, "continuous_batching", {}, None, _KV_CACHE_TOKENS, 0, 0, prompt_lookup=guesses)
    instance = Instance(spec)
    await instance.load()
    return instance


async def _speed(instance: Instance, streams: int, temperature: float, run: int) -> float:
    """Tokens per second of all streams after their first tokens."""
    spans = await asyncio.gather(*(_answer(instance, temperature, 100 * run + number) for number in range(streams)))
    begun, ended = median(first for first, _, _ in spans), max(last for _, last, _ in spans)
    return sum(tokens for _, _, tokens in spans) / (ended - begun)


async def _answer(instance: Instance, temperature: float, seed: int) -> tuple[float, float, int]:
    """The moments of the first and the last tokens, and how many came after the first ones."""
    sampling = GenerationParams(max_tokens=_TOKENS, temperature=temperature, seed=seed, ignore_eos=True)
    times: list[float] = []
    tokens = 0
    with instance.generate(_with(seed), sampling) as generation:
        async for output in generation:
            tokens += len(output.tokens) if times else 0
            times.append(time.perf_counter())
    return times[0], times[-1], tokens


def _with(seed: int) -> list[int]:
    """A prompt that no cache knows."""
    return [2000 + seed, *_PROMPT]

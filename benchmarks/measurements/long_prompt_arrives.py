"""What eight streams feel of a ninth whose prompt is long, by how much of a prompt one step works on."""

from pathlib import Path

from benchmarks.measurements.section import Comparison, Section
from benchmarks.prompts import make_prompts
from benchmarks.sides import batching_sides
from tests.support.messages import Answer, Job, Measured
from tests.support.percentiles import percentile

_STREAMS = 8
_SHORT_WORDS = 16
_LONG_WORDS = 2100  # about 4,000 tokens
_ANSWER_TOKENS = 128
_LATE_SECONDS = 1.5
_STEP_TOKENS = (64, 256, 1024)
"""256 is the library's own."""


def long_prompt_arrives(model: Path, runs: int, *, device: str) -> Section:
    """Raises as `batching_sides`."""
    comparisons: list[Comparison] = []
    for tokens in _STEP_TOKENS:
        done: list[tuple[Measured, Measured]] = []
        with batching_sides(
            model, device=device, max_streams=_STREAMS + 1, kv_cache_gb=1.0, max_num_batched_tokens=tokens
        ) as sides:
            for number in range(runs + 1):
                job = _job(f"{tokens}/{number}")
                both = sides.run(job, served_first=number % 2 == 0)
                done.append((both.bare, both.served))
        comparisons += _compared(tokens, done[1:])
    return Section(
        "long-prompt-arrives",
        f"{_STREAMS} streams while a prompt of 4,000 tokens is read, by the tokens of one step",
        comparisons=comparisons,
    )


def _job(seed: str) -> Job:
    short, long = make_prompts(_STREAMS, _SHORT_WORDS, seed=seed), make_prompts(1, _LONG_WORDS, seed=f"long/{seed}")
    return Job(short, _STREAMS, _ANSWER_TOKENS, late=long, late_seconds=_LATE_SECONDS)


def _compared(tokens: int, done: list[tuple[Measured, Measured]]) -> list[Comparison]:
    gaps, waits = ([[figure(side) for side in pair] for pair in done] for figure in (_between, _first_of_long))
    return [
        Comparison(f"{tokens}: {what}", [bare for bare, _ in values], [served for _, served in values], "ms")
        for what, values in (("between tokens, p99 of the eight", gaps), ("first token of the long one", waits))
    ]


def _between(side: Measured) -> float:
    """Of the pauses while the long prompt is read."""
    read = _LATE_SECONDS + _longest(side).times[0]
    gaps = [
        later - earlier
        for answer in side.answers
        if answer is not _longest(side)
        for earlier, later in zip(answer.times, answer.times[1:], strict=False)
        if later >= _LATE_SECONDS and earlier <= read
    ]
    return 1e3 * percentile(gaps, 99)


def _first_of_long(side: Measured) -> float:
    return 1e3 * _longest(side).times[0]


def _longest(side: Measured) -> Answer:
    return max(side.answers, key=lambda answer: answer.prompt_tokens)

"""What a draft model gains for a request that runs alone, and that it costs nothing where many run."""

import asyncio
import time
from pathlib import Path

from benchmarks.measurements.section import Row, Section
from chat.tokenizer import ChatTokenizer
from instances.handle import Instance
from instances.protocol import Draft, GenerationParams, LoadModel
from model_files.drafts import own_drafts

_STREAMS = (1, 8, 32)
_DRAFTED = (3, 5, 8, 12)
_KV_CACHE_TOKENS = 32768
_CONTEXT_TOKENS = 2048
_TOKENS = 128
_QUESTIONS = (
    "How do I add a model?",
    "What does idle_timeout do?",
    "Which port does the GPU use?",
    "My model does not load on the NPU. What can I do?",
    "How do I make the server listen on the network?",
    "What is a KV cache?",
    "How do I stop the server?",
    "Where are the logs?",
)


def drafts(model: Path, draft: Path | None, runs: int, *, device: str) -> Section:
    """Tokens per second with a draft over those without, run by run, answers to questions at temperature 0."""
    found = draft or next(iter(own_drafts(model)), None)
    if found is None:
        raise ValueError(f"{model.name} has no draft in a folder of its own: name one.")
    ratios = asyncio.run(_ratios(model, found, runs, device))
    rows = [Row(f"{streams} streams, {tokens} drafted", values, "×") for (streams, tokens), values in ratios]
    return Section("drafts", "Draft model: speed of decoding over that without", rows=rows)


async def _ratios(model: Path, draft: Path, runs: int, device: str) -> list[tuple[tuple[int, int], list[float]]]:
    tokenizer = ChatTokenizer(model)
    prompts = [
        tokenizer.encode(tokenizer.render([{"role": "user", "content": question}], None, {})) for question in _QUESTIONS
    ]
    found: dict[tuple[int, int], list[float]] = {}
    for tokens in _DRAFTED:
        # Both are loaded anew: what was compiled for earlier shapes of a batch counts.
        plain = await _load(model, None, device)
        drafting = await _load(model, Draft(str(draft), tokens, _CONTEXT_TOKENS), device)
        try:
            for run in range(runs + 1):
                for streams in _STREAMS:
                    order = (drafting, plain) if run % 2 else (plain, drafting)
                    speeds = {id(each): await _speed(each, prompts, streams) for each in order}
                    if run:  # the first warms up
                        ratio = speeds[id(drafting)] / speeds[id(plain)]
                        found.setdefault((streams, tokens), []).append(ratio)
        finally:
            await drafting.stop()
            await plain.stop()
    return sorted(found.items())


async def _speed(instance: Instance, prompts: list[list[int]], streams: int) -> float:
    """Tokens per second of whole answers, as many at once as `streams`; each stream asks several questions in turn."""
    questions = len(prompts)

    async def stream(number: int) -> int:
        tokens = 0
        for turn in range(questions):
            sampling = GenerationParams(max_tokens=_TOKENS, temperature=0)
            with instance.generate(prompts[(number + turn) % len(prompts)], sampling) as generation:
                tokens += sum([len(output.tokens) async for output in generation])
        return tokens

    started = time.perf_counter()
    tokens = sum(await asyncio.gather(*(stream(number) for number in range(streams))))
    return tokens / (time.perf_counter() - started)


async def _load(model: Path, draft: Draft | None, device: str) -> Instance:
    instance = Instance(
        LoadModel(str(model), device, "continuous_batching", {}, None, _KV_CACHE_TOKENS, 0, 0, draft=draft)
    )
    await instance.load()
    return instance

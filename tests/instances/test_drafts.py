"""A draft model in a real worker: it changes how quickly an answer comes, and nothing else of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path

import msgspec
import pytest
from tokenizers import Tokenizer

from instances.handle import Instance
from instances.protocol import Draft, GenerationParams, JsonSchema, LoadModel, Regex, TokenOutput

MODEL = Path(__file__).resolve().parents[2] / "models" / "demo_server-guide"
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
PLAIN = LoadModel(str(MODEL), "CPU", "continuous_batching", EXACT, None, 4096, 1024, 128)
DRAFTED = msgspec.structs.replace(PLAIN, draft=Draft(str(MODEL / "draft"), 4, 2080))
TOKENIZER = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
QUESTIONS = ["How do I add a model?", "What does idle_timeout do?", "zzz 語言模型 qqq"]
SCHEMA = """{"type": "object", "properties": {"a": {"enum": ["one", "two"]}}, "required": ["a"],
 "additionalProperties": false}"""
GREEDY = GenerationParams(max_tokens=48, temperature=0)


def asked(question: str) -> list[int]:
    text = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    return TOKENIZER.encode(text, add_special_tokens=False).ids


async def outputs(instance: Instance, ids: list[int], sampling: GenerationParams) -> list[TokenOutput]:
    with instance.generate(ids, sampling) as generation:
        return [output async for output in generation]


def tokens(told: list[TokenOutput]) -> list[int]:
    return [token for output in told for token in output.tokens]


@asynccontextmanager
async def loaded(spec: LoadModel) -> AsyncIterator[Instance]:
    instance = Instance(spec)
    try:
        await instance.load()
        yield instance
    finally:
        await instance.stop()


SAMPLINGS = {
    "greedy": GREEDY,
    "one": GenerationParams(max_tokens=1, temperature=0),
    "endless": GenerationParams(max_tokens=80, temperature=0, ignore_eos=True),
    "repetition": GenerationParams(max_tokens=48, temperature=0, repetition_penalty=1.3),
    "counts": GenerationParams(max_tokens=48, temperature=0, presence_penalty=0.5, frequency_penalty=0.3),
    "schema": GenerationParams(max_tokens=48, temperature=0, structure=JsonSchema(SCHEMA)),
    "regex": GenerationParams(max_tokens=48, temperature=0, structure=Regex("(abc|def){3,8}z")),
    "sampled": GenerationParams(max_tokens=40, temperature=0.9, seed=7),
    "nucleus": GenerationParams(max_tokens=40, temperature=0.9, top_p=0.8, seed=7, ignore_eos=True),
}


async def test_an_answer_is_that_of_the_model_alone() -> None:
    async with loaded(PLAIN) as plain, loaded(DRAFTED) as drafted:
        for (name, sampling), question, logprobs in product(SAMPLINGS.items(), QUESTIONS, (False, True)):
            asked_for = msgspec.structs.replace(sampling, logprobs=logprobs)
            expected = await outputs(plain, asked(question), asked_for)
            got = await outputs(drafted, asked(question), asked_for)
            assert tokens(got) == tokens(expected), name
            assert got[-1].finish == expected[-1].finish, name
            wanted = [value for output in expected for value in output.logprobs or []]
            told = [value for output in got for value in output.logprobs or []]
            assert told == pytest.approx(wanted, abs=1e-4), name


async def test_it_comes_in_fewer_steps() -> None:
    async with loaded(DRAFTED) as drafted:
        told = await outputs(drafted, asked(QUESTIONS[0]), GREEDY)
        assert len(told) < 0.7 * len(tokens(told))


@pytest.mark.parametrize("filler", [0, 700], ids=["a short one goes on among the others", "a long one stays"])
@pytest.mark.parametrize("penalty", [None, 0.5])
async def test_company_changes_no_answer(filler: int, penalty: float | None) -> None:
    first = [1000 + number % 90 for number in range(filler)] + asked(QUESTIONS[0])
    long = GenerationParams(max_tokens=150, temperature=0, ignore_eos=True, presence_penalty=penalty)
    sampled = GenerationParams(max_tokens=20, temperature=0.9, seed=3, ignore_eos=True)
    async with loaded(PLAIN) as plain, loaded(DRAFTED) as drafted:
        expected = [
            tokens(await outputs(plain, first, long)),
            tokens(await outputs(plain, asked(QUESTIONS[1]), GREEDY)),
            tokens(await outputs(plain, asked(QUESTIONS[2]), sampled)),
        ]
        for _ in range(2 if penalty else 1):
            with drafted.generate(first, long) as generation:
                got = [await anext(generation)]
                others = asyncio.gather(
                    outputs(drafted, asked(QUESTIONS[1]), GREEDY), outputs(drafted, asked(QUESTIONS[2]), sampled)
                )
                got += [output async for output in generation]
                answers = [tokens(got), *map(tokens, await others)]
            assert answers == expected
            assert got[-1].finish == "length"
            assert [output.cached_tokens is not None for output in got] == [True] + [False] * (len(got) - 1)


@pytest.mark.parametrize("company", [False, True])
async def test_a_departure_leaves_no_trace(company: bool) -> None:
    endless = GenerationParams(max_tokens=1500, temperature=0, ignore_eos=True)
    async with loaded(PLAIN) as plain, loaded(DRAFTED) as drafted:
        expected = tokens(await outputs(plain, asked(QUESTIONS[0]), GREEDY))
        for _ in range(3):
            with drafted.generate(asked(QUESTIONS[1]), endless) as generation:
                await anext(generation)
                if company:
                    assert tokens(await outputs(drafted, asked(QUESTIONS[0]), GREEDY)) == expected
                    await anext(generation)
            assert tokens(await outputs(drafted, asked(QUESTIONS[0]), GREEDY)) == expected


async def test_a_second_turn_finds_the_first_in_the_cache() -> None:
    async with loaded(DRAFTED) as drafted:
        first = [1000 + number % 90 for number in range(320)]
        answer = tokens(await outputs(drafted, first, GREEDY))
        told = await outputs(drafted, first + answer + asked(QUESTIONS[0]), GREEDY)
        assert (told[0].cached_tokens or 0) >= 320


async def test_an_answer_goes_on_elsewhere_from_its_tokens() -> None:
    async with loaded(PLAIN) as plain, loaded(DRAFTED) as drafted:
        whole = tokens(await outputs(plain, asked(QUESTIONS[0]), GREEDY))
        half = len(whole) // 2
        left = msgspec.structs.replace(GREEDY, max_tokens=GREEDY.token_limit - half)
        assert tokens(await outputs(drafted, asked(QUESTIONS[0]) + whole[:half], left)) == whole[half:]

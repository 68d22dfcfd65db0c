"""Guessing tokens from the prompt, in a real worker: quicker where a text repeats itself, and never another answer."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from instances.handle import Instance
from instances.protocol import GenerationParams, JsonSchema, LoadModel, TokenOutput

MODEL = Path(__file__).resolve().parents[2] / "models" / "demo_server-guide"
REPEATING = "one two three four five six seven eight " * 8


def _spec(guesses: int | None) -> LoadModel:
    return LoadModel(str(MODEL), "CPU", "continuous_batching", {}, None, 4096, 1024, 128, prompt_lookup=guesses)


async def _outputs(instance: Instance, text: str, sampling: GenerationParams) -> list[TokenOutput]:
    ids = Tokenizer.from_file(str(MODEL / "tokenizer.json")).encode(text, add_special_tokens=False).ids
    with instance.generate(ids, sampling) as generation:
        return [output async for output in generation]


def _tokens(outputs: list[TokenOutput]) -> list[int]:
    return [token for output in outputs for token in output.tokens]


async def test_the_answer_is_the_same_in_fewer_steps() -> None:
    sampling = GenerationParams(max_tokens=80, temperature=0, ignore_eos=True)
    plain, guessing = Instance(_spec(None)), Instance(_spec(5))
    try:
        await plain.load()
        await guessing.load()
        expected = await _outputs(plain, REPEATING, sampling)
        outputs = await _outputs(guessing, REPEATING, sampling)
        assert _tokens(outputs) == _tokens(expected)
        assert len(_tokens(outputs)) == 80
        assert outputs[-1].finish == "length"
        assert len(outputs) < len(expected)
    finally:
        await plain.stop()
        await guessing.stop()


@pytest.mark.parametrize("temperature", [0.0, 1.0])
async def test_a_form_is_kept_and_a_departure_leaves_no_trace(temperature: float) -> None:
    schema = '{"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}'
    form = GenerationParams(max_tokens=40, temperature=temperature, structure=JsonSchema(schema))
    endless = GenerationParams(max_tokens=1000, temperature=temperature, ignore_eos=True)
    instance = Instance(_spec(5))
    try:
        await instance.load()
        with instance.generate([5, 6, 7] * 20, endless) as generation:
            async for _ in generation:
                break
        text = Tokenizer.from_file(str(MODEL / "tokenizer.json")).decode(
            _tokens(await _outputs(instance, "a a a", form))
        )
        assert text.lstrip().startswith("{")
        assert len(_tokens(await _outputs(instance, REPEATING, GenerationParams(max_tokens=20, ignore_eos=True)))) == 20
    finally:
        await instance.stop()

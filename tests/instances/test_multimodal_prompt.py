"""Both pipelines of vision-language models, each in a worker: images, cancellation, going on, prompts too long."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from instances.handle import Instance, InstanceLost, RequestRefused
from instances.protocol import (
    GenerationParams,
    Image,
    LoadModel,
    MultimodalPrompt,
    PipelineKind,
    TokenOutput,
    image_tag,
)
from tests.helpers import eventually

MODEL = Path(__file__).parent.parent / "models" / "test_vision"
NPU_ON_CPU = {"NPUW_DEVICES": "CPU", "NPUW_ONLINE_PIPELINE": "NONE"}
RED, BLUE = (Image(8, 8, bytes(colour) * 64) for colour in ((255, 0, 0), (0, 0, 255)))
TEXT = f"<|im_start|>user\n{image_tag(0)}What is it?<|im_end|>\n<|im_start|>assistant\n"
EXPECTED = 100
"""Tokens for which `prompt_ids` stand; only those after them are looked at."""


def _spec(kind: PipelineKind, *, npu: bool = False) -> LoadModel:
    return LoadModel(
        directory=str(MODEL),
        device="NPU" if npu else "CPU",
        pipeline=kind,
        properties=NPU_ON_CPU if npu else {},
        cache_dir=None,
        kv_cache_tokens=2048,
        max_prompt_len=256,
        min_response_len=64,
    )


@pytest.fixture(
    params=[("vision_batching", False), ("vision_pipeline", False), ("vision_pipeline", True)],
    ids=["batching", "single", "npu"],
)
async def instance(request: pytest.FixtureRequest) -> AsyncIterator[Instance]:
    kind, npu = request.param
    instance = Instance(_spec(kind, npu=npu))
    await instance.load()
    yield instance
    await instance.stop()


async def _ask(
    instance: Instance, image: Image = RED, *, tokens: int = 12, text: str = TEXT, before: tuple[int, ...] = ()
) -> tuple[list[int], TokenOutput]:
    sampling = GenerationParams(max_tokens=tokens, temperature=0, ignore_eos=True)
    outputs: list[TokenOutput] = []
    with instance.generate(
        [0] * EXPECTED + list(before), sampling, MultimodalPrompt(text, [image], EXPECTED)
    ) as generation:
        async for output in generation:
            outputs.append(output)
    return [token for output in outputs for token in output.tokens], outputs[-1]


async def test_answers_are_about_the_image(instance: Instance) -> None:
    red, last = await _ask(instance)
    assert (len(red), last.finish) == (12, "length")
    assert last.prompt_tokens == 30 + 16 + 1
    assert (await _ask(instance))[0] == red
    assert (await _ask(instance, BLUE))[0] != red


async def test_an_answer_goes_on_where_another_instance_stopped(instance: Instance) -> None:
    begun, _ = await _ask(instance, tokens=3)
    _, whole = await _ask(instance, tokens=2)
    _, last = await _ask(instance, tokens=2, before=tuple(begun))
    assert last.prompt_tokens is not None
    assert whole.prompt_tokens is not None
    assert last.prompt_tokens > whole.prompt_tokens


async def test_a_cancelled_answer_leaves_the_next_alone(instance: Instance) -> None:
    alone, _ = await _ask(instance)
    sampling = GenerationParams(max_tokens=60, temperature=0, ignore_eos=True)
    with instance.generate([0] * EXPECTED, sampling, MultimodalPrompt(TEXT, [BLUE], EXPECTED)) as generation:
        async for output in generation:
            if output.tokens:
                break
    assert (await _ask(instance))[0] == alone


async def test_an_impossible_tag_is_refused(instance: Instance) -> None:
    with pytest.raises((RequestRefused, InstanceLost)):
        await _ask(instance, text=f"{image_tag(0)}{image_tag(3)}")


async def test_a_prompt_too_long_for_an_npu_costs_the_instance_and_says_why() -> None:
    instance = Instance(_spec("vision_pipeline", npu=True))
    await instance.load()
    with pytest.raises(RequestRefused, match="MAX_PROMPT_LEN"):
        await _ask(instance, text="x" * 400 + TEXT)
    await eventually(instance.closed.is_set)
    await instance.stop()


async def test_many_at_once() -> None:
    instance = Instance(_spec("vision_batching"))
    await instance.load()
    answers = await asyncio.gather(*(_ask(instance, image) for image in (RED, BLUE) * 6))
    assert all(len(tokens) == 12 for tokens, _ in answers)
    await instance.stop()

"""Many clients at once on one continuous-batching instance."""

import asyncio

from openai import AsyncOpenAI

from tests.reliability.scenarios.clients import QUESTIONS
from tests.support.launch import DeviceProcess

STREAMS = 32


async def _answer(client: AsyncOpenAI, model: str, question: str) -> tuple[str, str | None]:
    stream = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], temperature=0, stream=True
    )
    text, reason = "", None
    async for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        reason = chunk.choices[0].finish_reason or reason
    return text, reason


async def test_each_of_32_streams_gives_the_answer_it_gives_alone(gpu: DeviceProcess) -> None:
    questions = [QUESTIONS[number % len(QUESTIONS)] for number in range(STREAMS)]
    async with AsyncOpenAI(base_url=f"{gpu.url}/v1", api_key="x", max_retries=0) as client:
        alone = {question: await _answer(client, gpu.model, question) for question in dict.fromkeys(questions)}
        together = await asyncio.gather(*(_answer(client, gpu.model, question) for question in questions))
    assert together == [alone[question] for question in questions]
    assert {reason for _, reason in together} == {"stop"}
    assert len(gpu.get(f"/model/instances?model={gpu.model}")["instances"]) == 1

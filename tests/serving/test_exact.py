"""With "precision": "exact" what runs beside an answer does not change it."""

import asyncio
from pathlib import Path

import httpx

from tests.support.launch import DeviceProcess, demo_model, device_process

QUESTIONS = [f"{question} ({number})" for number in range(3) for question in ("What is OpenVINO?", "How fast is it?")]


async def _together(server: DeviceProcess) -> list[str]:
    async with httpx.AsyncClient(base_url=server.url, timeout=120) as client:

        async def ask(question: str) -> str:
            messages = [{"role": "user", "content": question}]
            body = {"model": server.model, "messages": messages, "temperature": 0, "max_tokens": 40}
            answer = await client.post("/v1/chat/completions", json=body)
            return answer.json()["choices"][0]["message"]["content"]

        return await asyncio.gather(*map(ask, QUESTIONS))


def test_a_batch_says_what_each_says_alone(tmp_path: Path) -> None:
    with device_process(tmp_path, models=[demo_model(precision="exact")]) as server:
        alone = [server.chat(question, max_tokens=40) for question in QUESTIONS]
        assert asyncio.run(_together(server)) == alone

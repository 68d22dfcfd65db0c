"""OpenAI's chat with vLLM's continue_final_message: the answer goes on from the assistant's last message."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.apis.servers import CHAT, Script

QUESTION = {"role": "user", "content": "How much?"}


def ask(server: str, *messages: dict[str, Any]) -> httpx.Response:
    body = {"model": CHAT, "max_tokens": 50, "messages": [QUESTION, *messages], "continue_final_message": True}
    return httpx.post(f"{server}/v1/chat/completions", json=body, timeout=60)


def test_an_answer_goes_on(scripted: str, script: Script) -> None:
    script.answer = "and 2."
    answer = ask(scripted, {"role": "assistant", "content": "It is 40 "})
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "and 2."
    assert script.prompt().endswith("<|im_start|>assistant\nIt is 40 ")


@pytest.mark.parametrize(
    "last",
    [
        {"role": "user", "content": "No"},
        {"role": "assistant", "content": ""},
        {
            "role": "assistant",
            "content": "x",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
    ],
)
def test_nothing_else_can_be_continued(scripted: str, last: dict[str, Any]) -> None:
    answer = ask(scripted, last)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "continue_final_message"

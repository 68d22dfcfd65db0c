"""What clients send that cannot be run here, request by request as their sources have it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import ollama

from tests.clients.server import (
    CALLING_QUESTION,
    CHAT,
    QUESTION,
    REPORTED,
    WEATHER_QUESTION,
    WEATHER_RESULT,
    WEATHER_SCHEMA,
    RunningServer,
)

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the current weather of a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
COPILOT_LOWEST_VERSION = (0, 6, 4)
HOME_ASSISTANT_CONTEXT = 8192


def test_github_copilot_with_its_ollama_provider(server: RunningServer) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        version = client.get("/api/version").json()["version"]
        assert tuple(map(int, version.split("."))) >= COPILOT_LOWEST_VERSION
        assert CHAT in [model["model"] for model in client.get("/api/tags").json()["models"]]
        shown = client.post("/api/show", json={"model": CHAT}).json()
        assert "tools" in shown["capabilities"]
        information = shown["model_info"]
        assert information["general.basename"] == "server-guide"
        assert information[f"{information['general.architecture']}.context_length"] == 2048
        body = {
            "model": CHAT,
            "messages": [
                {"role": "system", "content": "You are a coding assistant."},
                {"role": "user", "content": [{"type": "text", "text": WEATHER_QUESTION}]},
            ],
            "tools": TOOLS,
            "tool_choice": "required",
            "temperature": 0.1,
            "top_p": 1,
            "n": 1,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 1024,
        }
        with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    finish = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1]
    assert finish == "tool_calls"


async def test_home_assistant(server: RunningServer) -> None:
    """Tool results come without the call's id or the tool's name; the second question follows at once."""
    client = ollama.AsyncClient(server.url)
    assert CHAT in [model.model for model in (await client.list()).models]
    messages: list[ollama.Message] = [
        ollama.Message(role="system", content="You are a voice assistant."),
        ollama.Message(role="user", content=CALLING_QUESTION),
    ]

    async def ask() -> ollama.Message:
        text, calls = "", []
        lines = await client.chat(
            model=CHAT,
            messages=list(messages),
            tools=TOOLS,
            stream=True,
            keep_alive=-1,
            options={"num_ctx": HOME_ASSISTANT_CONTEXT},
            think=False,
            format=None,
        )
        async for line in lines:
            text += line.message.content or ""
            calls += line.message.tool_calls or []
        messages.append(ollama.Message(role="assistant", content=text, tool_calls=calls or None))
        return messages[-1]

    (call,) = (await ask()).tool_calls or []
    assert set(call.function.arguments) == set(WEATHER_SCHEMA["properties"])
    messages.append(ollama.Message(role="tool", content=WEATHER_RESULT))
    assert REPORTED in ((await ask()).content or "")
    messages.append(ollama.Message(role="user", content=QUESTION))
    assert (await ask()).content


def test_open_webui_asks_for_a_title_beside_the_answer(server: RunningServer) -> None:
    """Background requests over the same connection, without streaming, with fields that no model has."""
    body = {
        "model": CHAT,
        "messages": [{"role": "user", "content": '### Task:\nGenerate a title, as JSON: {"title": "…"}'}],
        "stream": False,
        "max_completion_tokens": 1000,
        "metadata": {"task": "title_generation", "chat_id": "1"},
    }
    for path in ("/v1/chat/completions", "/api/chat"):
        answer = httpx.post(f"{server.url}{path}", json=body, timeout=60)
        assert answer.status_code == 200


def test_zed_and_goose_send_turns_without_content(server: RunningServer) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Boston"}'}}
    messages = [
        {"role": "user", "content": WEATHER_QUESTION},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": WEATHER_RESULT}]},
    ]
    body = {"model": CHAT, "messages": messages, "tools": TOOLS}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60)
    assert REPORTED in answer.json()["choices"][0]["message"]["content"]

"""The official Python client of Ollama, unchanged: what its users do with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema
import ollama
import pytest

from tests.clients.server import (
    CALLING_QUESTION,
    CHAT,
    DIMENSIONS,
    EMBED,
    QUESTION,
    REPORTED,
    TWO_CITIES_QUESTION,
    WEATHER_RESULT,
    WEATHER_SCHEMA,
    RunningServer,
    Service,
)

ASK = [{"role": "user", "content": QUESTION}]
GREEDY = {"temperature": 0}


def get_weather(city: str) -> str:
    """Get the current weather of a city.

    Args:
      city: The city
    """
    return WEATHER_RESULT


@pytest.fixture
def client(server: RunningServer) -> ollama.Client:
    return ollama.Client(server.url)


def valid(call: ollama.Message.ToolCall) -> Mapping[str, Any]:
    assert call.function.name == "get_weather"
    jsonschema.validate(call.function.arguments, WEATHER_SCHEMA)
    return call.function.arguments


def test_chat_and_stream_say_the_same(client: ollama.Client) -> None:
    whole = client.chat(CHAT, ASK, options=GREEDY)
    assert "OpenVINO" in (whole.message.content or "")
    lines = list(client.chat(CHAT, ASK, options=GREEDY, stream=True))
    assert len(lines) > 2
    assert "".join(line.message.content or "" for line in lines) == whole.message.content
    assert (lines[-1].done, lines[-1].done_reason) == (True, "stop")


def test_generate(client: ollama.Client) -> None:
    whole = client.generate(CHAT, QUESTION, options=GREEDY)
    assert "OpenVINO" in (whole.response or "")
    lines = client.generate(CHAT, QUESTION, options=GREEDY, stream=True)
    assert "".join(line.response or "" for line in lines) == whole.response


async def test_the_asynchronous_client_too(server: RunningServer) -> None:
    client = ollama.AsyncClient(server.url)
    lines = [line async for line in await client.chat(CHAT, ASK, options=GREEDY, stream=True)]
    assert "OpenVINO" in "".join(line.message.content or "" for line in lines)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_and_its_result_is_answered(client: ollama.Client, streamed: bool) -> None:
    messages: list[Any] = [{"role": "user", "content": CALLING_QUESTION}]
    if streamed:
        lines = list(client.chat(CHAT, messages, tools=[get_weather], options=GREEDY, stream=True))
        (turn,) = (line.message for line in lines if line.message.tool_calls)
    else:
        turn = client.chat(CHAT, messages, tools=[get_weather], options=GREEDY).message
    (call,) = turn.tool_calls or []
    result = get_weather(**valid(call))
    messages += [turn, {"role": "tool", "tool_name": call.function.name, "content": result}]
    answer = client.chat(CHAT, messages, tools=[get_weather], options=GREEDY)
    assert REPORTED in (answer.message.content or "")


def test_two_calls_in_one_answer(client: ollama.Client) -> None:
    messages = [{"role": "user", "content": TWO_CITIES_QUESTION}]
    whole = client.chat(CHAT, messages, tools=[get_weather], options=GREEDY)
    streamed = client.chat(CHAT, messages, tools=[get_weather], options=GREEDY, stream=True)
    calls = [call for line in streamed for call in line.message.tool_calls or []]
    assert [valid(call) for call in calls] == [valid(call) for call in whole.message.tool_calls or []]
    assert len(calls) == 2


def test_an_answer_is_parsed_into_a_type(client: ollama.Client) -> None:
    answer = client.chat(CHAT, ASK, format=Service.model_json_schema(), options={"num_predict": 200})
    assert Service.model_validate_json(answer.message.content or "")
    generated = client.generate(CHAT, QUESTION, format=Service.model_json_schema(), options={"num_predict": 200})
    assert Service.model_validate_json(generated.response or "")


def test_embeddings(client: ollama.Client) -> None:
    answer = client.embed(EMBED, ["one", "two"])
    assert [len(vector) for vector in answer.embeddings] == [DIMENSIONS] * 2
    assert client.embeddings(EMBED, "two").embedding == pytest.approx(answer.embeddings[1], abs=1e-5)


def test_models_are_listed_shown_and_seen_running(client: ollama.Client) -> None:
    assert {CHAT, EMBED} <= {model.model for model in client.list().models}
    shown = client.show(CHAT)
    assert {"completion", "tools"} <= set(shown.capabilities or [])
    assert (shown.modelinfo or {})["qwen2.context_length"] == 2048
    assert shown.details is not None
    assert shown.details.family == "qwen2"
    client.generate(CHAT, "")
    running = {model.model: model for model in client.ps().models}
    assert (running[CHAT].size or 0) > 0
    assert running[CHAT].expires_at is not None


@pytest.mark.parametrize("streamed", [False, True])
def test_a_model_is_pulled_copied_used_and_deleted(
    client: ollama.Client, server: RunningServer, streamed: bool
) -> None:
    name = server.publish(f"OpenVINO/ollama-python-{'streamed' if streamed else 'whole'}-ov")
    statuses = [client.pull(name).status] if not streamed else [line.status for line in client.pull(name, stream=True)]
    assert statuses[-1] == "success"
    if streamed:
        assert statuses[0] == "pulling manifest"
        assert "writing manifest" in statuses
    assert client.chat(name, ASK, options={"num_predict": 3}).eval_count
    client.copy(name, f"{name}-copy")
    client.delete(f"{name}-copy")
    client.delete(name)
    assert f"gpu-{name}" not in {model.model for model in client.list().models}
    with pytest.raises(ollama.ResponseError, match="not found") as gone:
        client.delete(name)
    assert gone.value.status_code == 404


def test_errors_are_typed_and_carry_our_sentence(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'nobody' not found") as missing:
        client.chat("nobody", ASK)
    assert missing.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="model 'nobody' not found"):
        list(client.chat("nobody", ASK, stream=True))
    with pytest.raises(ollama.ResponseError, match="nobody/nothing"):
        list(client.pull("nobody/nothing", stream=True))
    with pytest.raises(ollama.ResponseError, match="embedding model"):
        client.chat(EMBED, ASK)
    with pytest.raises(ollama.ResponseError, match="does not support thinking") as thinking:
        client.chat(CHAT, ASK, think=True)
    assert thinking.value.status_code == 400

"""The official Python client of Anthropic, unchanged: what its users do with it."""

from __future__ import annotations

from typing import Any

import anthropic
import jsonschema
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import MessageParam, TextBlock, ToolParam, ToolUseBlock

from tests.clients.server import (
    CHAT,
    EMBED,
    QUESTION,
    REPORTED,
    TWO_CITIES_QUESTION,
    WEATHER_QUESTION,
    WEATHER_RESULT,
    WEATHER_SCHEMA,
    RunningServer,
    Service,
)

TOOL: ToolParam = {
    "name": "get_weather",
    "description": "Get the current weather of a city.",
    "input_schema": WEATHER_SCHEMA,
}
ASK: list[MessageParam] = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def client(server: RunningServer) -> Anthropic:
    return Anthropic(base_url=server.url, api_key="any", max_retries=0)


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if isinstance(block, TextBlock))


def test_chat_and_stream_say_the_same(client: Anthropic) -> None:
    whole = client.messages.create(model=CHAT, max_tokens=300, messages=ASK)
    assert "OpenVINO" in text_of(whole)
    assert whole.stop_reason == "end_turn"
    with client.messages.stream(model=CHAT, max_tokens=300, messages=ASK) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) > 1
    assert "".join(pieces) == text_of(final) == text_of(whole)
    assert final.usage.output_tokens == whole.usage.output_tokens


async def test_the_asynchronous_client_too(server: RunningServer) -> None:
    client = AsyncAnthropic(base_url=server.url, api_key="any", max_retries=0)
    async with client.messages.stream(model=CHAT, max_tokens=300, messages=ASK) as stream:
        message = await stream.get_final_message()
    await client.close()
    assert "OpenVINO" in text_of(message)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_and_its_result_is_answered(client: Anthropic, streamed: bool) -> None:
    question: MessageParam = {"role": "user", "content": WEATHER_QUESTION}
    ask: Any = {"model": CHAT, "max_tokens": 300, "tools": [TOOL]}
    demand = {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}}
    if streamed:
        with client.messages.stream(messages=[question], **demand, **ask) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(messages=[question], **demand, **ask)
    assert message.stop_reason == "tool_use"
    (call,) = (block for block in message.content if isinstance(block, ToolUseBlock))
    jsonschema.validate(call.input, WEATHER_SCHEMA)
    turns: list[MessageParam] = [
        question,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": WEATHER_RESULT}]},
    ]
    answer = client.messages.create(messages=turns, **ask)
    assert REPORTED in text_of(answer)
    assert answer.stop_reason == "end_turn"


@pytest.mark.parametrize("streamed", [False, True])
def test_two_calls_in_one_answer(client: Anthropic, streamed: bool) -> None:
    ask: Any = {
        "model": CHAT,
        "max_tokens": 300,
        "tools": [TOOL],
        "tool_choice": {"type": "any"},
        "messages": [{"role": "user", "content": TWO_CITIES_QUESTION}],
    }
    if streamed:
        with client.messages.stream(**ask) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(**ask)
    calls = [block for block in message.content if isinstance(block, ToolUseBlock)]
    assert len({call.id for call in calls}) == 2
    for call in calls:
        jsonschema.validate(call.input, WEATHER_SCHEMA)


def test_an_answer_is_parsed_into_a_type(client: Anthropic) -> None:
    parsed = client.messages.parse(model=CHAT, max_tokens=200, messages=ASK, output_format=Service)
    assert isinstance(parsed.parsed_output, Service)


def test_tokens_are_counted(client: Anthropic) -> None:
    counted = client.messages.count_tokens(model=CHAT, messages=ASK)
    message = client.messages.create(model=CHAT, max_tokens=1, messages=ASK)
    assert counted.input_tokens == message.usage.input_tokens


def test_models_are_listed_and_looked_up(client: Anthropic) -> None:
    assert {CHAT, EMBED} <= {model.id for model in client.models.list()}
    assert client.models.retrieve(CHAT).id == CHAT


def test_errors_are_typed_and_carry_our_sentence(client: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="model 'nobody' not found") as missing:
        client.messages.create(model="nobody", max_tokens=5, messages=ASK)
    assert missing.value.type == "not_found_error"
    assert missing.value.request_id
    with pytest.raises(anthropic.NotFoundError, match="nobody"):
        client.models.retrieve("nobody")
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        client.messages.create(model=CHAT, max_tokens=0, messages=ASK)
    with pytest.raises(anthropic.BadRequestError, match="embedding model"):
        client.messages.create(model=EMBED, max_tokens=5, messages=ASK)
    too_long: list[MessageParam] = [{"role": "user", "content": "word " * 5000}]
    with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > \d+ maximum"):
        client.messages.create(model=CHAT, max_tokens=5, messages=too_long)
    with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > \d+ maximum"):
        client.messages.create(model=CHAT, max_tokens=5, messages=too_long, stream=True)

"""The official Python client of OpenAI, unchanged: what its users do with it."""

from __future__ import annotations

import base64
import json
from typing import Any

import jsonschema
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageFunctionToolCall, ChatCompletionMessageParam
from openai.types.responses import ResponseFunctionToolCall

from tests.clients.server import (
    CHAT,
    DIMENSIONS,
    DRAWS,
    EMBED,
    HEARS,
    QUESTION,
    REPORTED,
    SPEAKS,
    TWO_CITIES_QUESTION,
    WEATHER_QUESTION,
    WEATHER_RESULT,
    WEATHER_SCHEMA,
    RunningServer,
    Service,
)
from tests.helpers import http

GET_WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "Get the current weather of a city.",
    "parameters": WEATHER_SCHEMA,
    "strict": True,
}
TOOLS: Any = [{"type": "function", "function": GET_WEATHER}]
ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def client(server: RunningServer) -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0)


def test_chat_and_stream_say_the_same(client: OpenAI) -> None:
    whole = client.chat.completions.create(model=CHAT, messages=ASK, temperature=0)
    text = whole.choices[0].message.content
    assert text is not None
    assert "OpenVINO" in text
    with client.chat.completions.stream(model=CHAT, messages=ASK, temperature=0) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert len(deltas) > 1
    assert "".join(deltas) == final.choices[0].message.content == text
    assert final.choices[0].finish_reason == "stop"


async def test_the_asynchronous_client_too(server: RunningServer) -> None:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0) as client:
        stream = await client.chat.completions.create(model=CHAT, messages=ASK, temperature=0, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert "OpenVINO" in text


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_and_its_result_is_answered(client: OpenAI, streamed: bool) -> None:
    messages: list[Any] = [{"role": "user", "content": WEATHER_QUESTION}]
    ask: dict[str, Any] = {"model": CHAT, "tools": TOOLS, "temperature": 0, "max_tokens": 200}
    if streamed:
        with client.chat.completions.stream(messages=messages, tool_choice="required", **ask) as stream:
            choice = stream.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.create(messages=messages, tool_choice="required", **ask).choices[0]
    assert choice.finish_reason == "tool_calls"
    call = (choice.message.tool_calls or [])[0]
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    assert call.function.name == "get_weather"
    jsonschema.validate(json.loads(call.function.arguments), WEATHER_SCHEMA)

    turn = choice.message.model_dump(exclude_none=True, exclude={"parsed"})
    messages += [turn, {"role": "tool", "tool_call_id": call.id, "content": WEATHER_RESULT}]
    answer = client.chat.completions.create(messages=messages, **ask).choices[0]
    assert REPORTED in (answer.message.content or "")
    assert answer.finish_reason == "stop"


@pytest.mark.parametrize("streamed", [False, True])
def test_two_calls_in_one_answer(client: OpenAI, streamed: bool) -> None:
    ask: dict[str, Any] = {
        "model": CHAT,
        "messages": [{"role": "user", "content": TWO_CITIES_QUESTION}],
        "tools": TOOLS,
        "temperature": 0,
        "tool_choice": "required",
    }
    if streamed:
        with client.chat.completions.stream(**ask) as stream:
            message = stream.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(**ask).choices[0].message
    calls = [call for call in message.tool_calls or [] if isinstance(call, ChatCompletionMessageFunctionToolCall)]
    assert [call.function.name for call in calls] == ["get_weather"] * 2
    assert len({call.id for call in calls}) == 2
    for call in calls:
        jsonschema.validate(json.loads(call.function.arguments), WEATHER_SCHEMA)
    alone = client.chat.completions.create(**ask, parallel_tool_calls=False).choices[0].message
    assert len(alone.tool_calls or []) == 1


def test_an_answer_is_parsed_into_a_type(client: OpenAI) -> None:
    parsed = client.chat.completions.parse(model=CHAT, messages=ASK, response_format=Service, max_tokens=200)
    assert isinstance(parsed.choices[0].message.parsed, Service)
    response = client.responses.parse(model=CHAT, input=QUESTION, text_format=Service, max_output_tokens=200)
    assert isinstance(response.output_parsed, Service)


def test_a_tools_arguments_are_parsed_into_a_type(client: OpenAI) -> None:
    answer = client.chat.completions.parse(
        model=CHAT,
        messages=ASK,
        tools=[openai.pydantic_function_tool(Service)],
        tool_choice="required",
        parallel_tool_calls=False,
    )
    (call,) = answer.choices[0].message.tool_calls or []
    assert isinstance(call.function.parsed_arguments, Service)


def test_responses_follow_one_another(client: OpenAI) -> None:
    tools: Any = [{"type": "function", **GET_WEATHER}]
    first = client.responses.create(
        model=CHAT, input=WEATHER_QUESTION, tools=tools, tool_choice="required", temperature=0
    )
    call = first.output[-1]
    assert isinstance(call, ResponseFunctionToolCall)
    jsonschema.validate(json.loads(call.arguments), WEATHER_SCHEMA)
    with client.responses.stream(
        model=CHAT,
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": WEATHER_RESULT}],
        tools=tools,
        temperature=0,
    ) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert text == final.output_text
    assert REPORTED in text


def test_embeddings(client: OpenAI) -> None:
    answer = client.embeddings.create(model=EMBED, input=["one", "two"])
    assert [len(each.embedding) for each in answer.data] == [DIMENSIONS] * 2
    floats = client.embeddings.create(model=EMBED, input=["one", "two"], encoding_format="float")
    assert floats.data[1].embedding == pytest.approx(answer.data[1].embedding, abs=1e-6)
    short = client.embeddings.create(model=EMBED, input="one", dimensions=8)
    assert len(short.data[0].embedding) == 8


def test_models_are_listed_and_looked_up(client: OpenAI) -> None:
    assert {CHAT, EMBED} <= {model.id for model in client.models.list()}
    assert client.models.retrieve(CHAT).id == CHAT


def test_errors_are_typed_and_carry_our_sentence(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="nobody") as missing:
        client.chat.completions.create(model="nobody", messages=ASK)
    assert missing.value.code == "model_not_found"
    assert missing.value.request_id
    with pytest.raises(openai.NotFoundError, match="nobody"):
        client.models.retrieve("nobody")
    with pytest.raises(openai.BadRequestError, match="temperature") as wrong:
        client.chat.completions.create(model=CHAT, messages=ASK, temperature=9)
    assert wrong.value.param == "temperature"
    with pytest.raises(openai.BadRequestError, match="embedding model"):
        client.chat.completions.create(model=EMBED, messages=ASK)
    too_long: list[ChatCompletionMessageParam] = [{"role": "user", "content": "word " * 5000}]
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError, match=r"maximum context length is \d+ tokens"):
            client.chat.completions.create(model=CHAT, messages=too_long, stream=stream)


def test_what_is_spoken_is_heard(client: OpenAI) -> None:
    spoken = client.audio.speech.create(model=SPEAKS, input="Hello. You.", voice="alloy", response_format="wav").content
    file = ("a.wav", spoken)
    answer = client.audio.transcriptions.create(model=HEARS, file=file, language="en")
    assert answer.usage is not None
    assert answer.usage.type == "duration"
    events = list(client.audio.transcriptions.create(model=HEARS, file=file, language="en", stream=True))
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == answer.text
    verbose = client.audio.transcriptions.create(
        model=HEARS, file=file, language="en", response_format="verbose_json", timestamp_granularities=["segment"]
    )
    assert (verbose.language, verbose.text) == ("en", answer.text)
    assert client.audio.transcriptions.create(model=HEARS, file=file, response_format="vtt").startswith("WEBVTT")
    with pytest.deprecated_call():  # by the client
        assert client.audio.translations.create(model=HEARS, file=file).text is not None
    with pytest.raises(openai.BadRequestError, match="no known audio format"):
        client.audio.transcriptions.create(model=HEARS, file=("a.wav", b"no sound"))


def test_speech_comes_as_it_is_spoken(client: OpenAI) -> None:
    speaking = client.audio.speech.with_streaming_response
    with speaking.create(model=SPEAKS, input="One. Two.", voice="alloy", response_format="pcm") as response:
        assert len(b"".join(response.iter_bytes())) > 0
    with speaking.create(
        model=SPEAKS, input="One. Two.", voice="alloy", response_format="pcm", stream_format="sse"
    ) as response:
        kinds = [json.loads(line.removeprefix("data: "))["type"] for line in response.iter_lines() if line]
    assert kinds[-1] == "speech.audio.done"
    assert set(kinds[:-1]) == {"speech.audio.delta"}


def test_pictures_are_drawn_and_changed(client: OpenAI) -> None:
    extra = {"seed": 3, "steps": 4}
    drawn = client.images.generate(model=DRAWS, prompt="a cat", size="64x64", extra_body=extra)
    assert drawn.data
    events = list(
        client.images.generate(
            model=DRAWS, prompt="a cat", size="64x64", stream=True, partial_images=1, extra_body=extra
        )
    )
    # A picture that is soon finished may come before the one on the way.
    assert {event.type for event in events[:-1]} <= {"image_generation.partial_image"}
    assert events[-1].type == "image_generation.completed"
    assert events[-1].b64_json == drawn.data[0].b64_json
    image = base64.b64decode(drawn.data[0].b64_json or "")
    edited = client.images.edit(model=DRAWS, image=image, prompt="a dog", extra_body=extra)
    assert edited.data
    assert edited.data[0].b64_json
    changes = list(client.images.edit(model=DRAWS, image=image, prompt="a dog", stream=True, extra_body=extra))
    assert changes[-1].type == "image_edit.completed"
    assert changes[-1].b64_json == edited.data[0].b64_json
    with pytest.deprecated_call():  # by the client
        varied = client.images.create_variation(model=DRAWS, image=image, extra_body=extra)
    assert varied.data


def test_a_picture_is_fetched_from_where_its_url_says(client: OpenAI) -> None:
    extra = {"seed": 3, "steps": 1}
    made = client.images.generate(model=DRAWS, prompt="a", size="64x64", response_format="url", extra_body=extra)
    assert made.data
    fetched = http.get(made.data[0].url or "")
    assert (fetched.status_code, fetched.headers["content-type"]) == (200, "image/png")
    assert fetched.content.startswith(b"\x89PNG")

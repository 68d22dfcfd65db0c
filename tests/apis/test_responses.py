"""OpenAI's official client against /v1/responses."""

import json
from typing import Any

import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseFunctionToolCall, ResponseReasoningItem
from pydantic import BaseModel

from apis.openai.response_store import ResponseNotFound, ResponseStore, StoredResponse
from chat.conversation import Message
from tests.apis.servers import CHAT, Script

WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
CALL = '<tool_call>{"name": "get_weather", "arguments": {"city": "Taipei"}}</tool_call>'


@pytest.fixture
def client(scripted: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{scripted}/v1", api_key="any", max_retries=0)


def test_a_text_gets_a_response(client: openai.OpenAI, script: Script) -> None:
    response = client.responses.create(model=CHAT, input="Hi", instructions="Be brief.", metadata={"a": "b"})
    assert (response.object, response.status, response.output_text) == ("response", "completed", "Hello.")
    assert response.metadata == {"a": "b"}
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (len(script.prompts[0]), 6)
    assert script.prompt().startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>")


def test_a_stream_is_typed_events_with_sequence_numbers(client: openai.OpenAI, script: Script) -> None:
    script.answer = "<think>Hm.</think>Good day."
    with client.responses.stream(model=CHAT, input="Hi") as stream:
        events: list[Any] = list(stream)
        response = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:3] == ["response.created", "response.in_progress", "response.output_item.added"]
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done") == 2
    texts = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(texts) == response.output_text == "Good day."
    thought = response.output[0]
    assert isinstance(thought, ResponseReasoningItem)
    assert thought.content is not None
    assert thought.content[0].text == "Hm."


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_round_trip_by_the_previous_response(client: openai.OpenAI, script: Script, streamed: bool) -> None:
    script.answer = f"Let me look.{CALL}"
    if streamed:
        with client.responses.stream(model=CHAT, input="Weather in Taipei?", tools=[WEATHER]) as stream:
            response = stream.get_final_response()
    else:
        response = client.responses.create(model=CHAT, input="Weather in Taipei?", tools=[WEATHER])
    call = response.output[-1]
    assert isinstance(call, ResponseFunctionToolCall)
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Taipei"})

    script.answer = "It rains."
    answer = client.responses.create(
        model=CHAT,
        previous_response_id=response.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "rain"}],
        tools=[WEATHER],
    )
    assert answer.output_text == "It rains."
    prompt = script.prompt()
    assert "<|im_start|>user\nWeather in Taipei?<|im_end|>" in prompt
    assert '"arguments": {"city": "Taipei"}' in prompt
    assert "<|im_start|>tool\nrain<|im_end|>" in prompt


def test_instructions_are_not_carried_over(client: openai.OpenAI, script: Script) -> None:
    first = client.responses.create(model=CHAT, input="One", instructions="Be brief.")
    client.responses.create(model=CHAT, input="Two", previous_response_id=first.id)
    assert "Be brief" not in script.prompt()
    assert "One" in script.prompt()


def test_the_whole_conversation_can_come_as_items(client: openai.OpenAI, script: Script) -> None:
    client.responses.create(
        model=CHAT,
        input=[
            {"role": "developer", "content": "Short."},
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city": "Oslo"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "snow"},
        ],
    )
    assert script.prompt().startswith("<|im_start|>system\nShort.<|im_end|>")
    assert '{"city": "Oslo"}' in script.prompt()


def test_stored_responses_can_be_read_and_deleted(client: openai.OpenAI) -> None:
    response = client.responses.create(model=CHAT, input="Hi")
    assert client.responses.retrieve(response.id).output_text == "Hello."
    assert len(list(client.responses.input_items.list(response.id))) == 1
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError, match="not found"):
        client.responses.retrieve(response.id)
    unstored = client.responses.create(model=CHAT, input="Hi", store=False)
    with pytest.raises(openai.BadRequestError) as missing:
        client.responses.create(model=CHAT, input="Hi", previous_response_id=unstored.id)
    assert (missing.value.code, missing.value.param) == ("previous_response_not_found", "previous_response_id")


def test_a_cut_answer_is_incomplete(client: openai.OpenAI, script: Script) -> None:
    script.answer = "x" * 50
    response = client.responses.create(model=CHAT, input="Hi", max_output_tokens=5)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output_text == "xxxxx"


def test_an_answer_is_parsed_into_a_type(server: str) -> None:
    class Flag(BaseModel):
        on: bool

    client = openai.OpenAI(base_url=f"{server}/v1", api_key="any", max_retries=0)
    response = client.responses.parse(model=CHAT, input="Hi", text_format=Flag)
    assert isinstance(response.output_parsed, Flag)


def test_what_cannot_be_done_is_refused(client: openai.OpenAI, script: Script) -> None:
    with pytest.raises(openai.BadRequestError, match="web_search"):
        client.responses.create(model=CHAT, input="Hi", tools=[{"type": "web_search"}])
    client.responses.create(model=CHAT, input="Hi", tools=[{"type": "web_search"}, WEATHER])
    assert "web_search" not in script.prompt()
    assert "get_weather" in script.prompt()
    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.create(model=CHAT, input="Hi", background=True)
    image = {"role": "user", "content": [{"type": "input_image", "image_url": "data:,", "detail": "auto"}]}
    with pytest.raises(openai.BadRequestError, match="text only"):
        client.responses.create(model=CHAT, input=[image])  # pyright: ignore[reportArgumentType]


def test_the_store_is_bounded() -> None:
    store = ResponseStore(max_responses=3, max_bytes=300)

    def add(name: str, text: str, **more: Any) -> None:
        store.add(StoredResponse({"id": name, **more}, [], (Message("user", text),)))

    for name in "abcd":
        add(name, "x")
    with pytest.raises(ResponseNotFound):
        store.get("a")
    store.get("b")
    add("e", "x" * 250)
    store.get("b")
    with pytest.raises(ResponseNotFound):
        store.get("c")
    add("f", "x", metadata={"all": "x" * 240})
    with pytest.raises(ResponseNotFound):
        store.get("e")
    add("g", "x" * 300)
    with pytest.raises(ResponseNotFound):
        store.get("g")
    store.remove("f")
    add("h", "x" * 250)
    store.get("h")

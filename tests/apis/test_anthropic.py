"""Anthropic's official client against /v1/messages."""

import anthropic
import pytest
from anthropic.types import (
    ImageBlockParam,
    MessageParam,
    TextBlock,
    ThinkingBlock,
    ToolParam,
    ToolResultBlockParam,
    ToolUseBlock,
)

from tests.apis.servers import CHAT, EMBEDDING, Script
from tests.helpers import http

WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALL = '<tool_call>{"name": "get_weather", "arguments": {"city": "Taipei"}}</tool_call>'


@pytest.fixture
def client(scripted: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=scripted, api_key="any", max_retries=0)


def test_a_whole_message(client: anthropic.Anthropic, script: Script) -> None:
    message = client.messages.create(
        model=CHAT, max_tokens=50, system="Be brief.", messages=[{"role": "user", "content": "Hi"}]
    )
    assert [block.text for block in message.content if isinstance(block, TextBlock)] == ["Hello."]
    assert (message.type, message.role, message.model) == ("message", "assistant", "gpu-test/chat")
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.usage.input_tokens == len(script.prompts[0])
    assert message.usage.output_tokens == len("Hello.")
    assert message._request_id is not None
    assert script.prompt().startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>")


def test_a_stream_is_the_events_of_one_message(client: anthropic.Anthropic, script: Script) -> None:
    script.answer = "<think>Hm.</think>Good day."
    with client.messages.stream(
        model=CHAT,
        max_tokens=100,
        thinking={"type": "enabled", "budget_tokens": 1024},
        messages=[{"role": "user", "content": "Hi"}],
    ) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_message()
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 2
    thought, text = message.content
    assert isinstance(thought, ThinkingBlock)
    assert isinstance(text, TextBlock)
    assert (thought.thinking, text.text) == ("Hm.", "Good day.")


def test_raw_events_carry_their_names_and_a_ping(scripted: str) -> None:
    body = {"model": CHAT, "max_tokens": 5, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    response = http.post(f"{scripted}/v1/messages", json=body)
    names = [line.removeprefix("event: ") for line in response.text.splitlines() if line.startswith("event: ")]
    assert names[:3] == ["message_start", "ping", "content_block_start"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert '"stop_reason":"max_tokens"' in response.text


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_and_its_result_goes_back(client: anthropic.Anthropic, script: Script, streamed: bool) -> None:
    script.answer = f"Let me look.\n{CALL}"
    question: MessageParam = {"role": "user", "content": "Weather in Taipei?"}
    if streamed:
        with client.messages.stream(model=CHAT, max_tokens=200, tools=[WEATHER], messages=[question]) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(model=CHAT, max_tokens=200, tools=[WEATHER], messages=[question])
    assert message.stop_reason == "tool_use"
    call = message.content[-1]
    assert isinstance(call, ToolUseBlock)
    assert (call.name, call.input) == ("get_weather", {"city": "Taipei"})
    assert call.id.startswith("toolu_")

    script.answer = "It rains."
    result: ToolResultBlockParam = {
        "type": "tool_result",
        "tool_use_id": call.id,
        "content": [{"type": "text", "text": "rain, 18 °C"}],
    }
    turns: list[MessageParam] = [
        question,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [result]},
    ]
    answer = client.messages.create(model=CHAT, max_tokens=200, tools=[WEATHER], messages=turns)
    assert isinstance(answer.content[0], TextBlock)
    prompt = script.prompt()
    assert '"arguments": {"city": "Taipei"}' in prompt
    assert "<|im_start|>tool\nrain, 18 °C<|im_end|>" in prompt


def test_a_stop_sequence_is_named(client: anthropic.Anthropic, script: Script) -> None:
    script.answer = "one two three"
    message = client.messages.create(
        model=CHAT, max_tokens=50, stop_sequences=["two"], messages=[{"role": "user", "content": "Count"}]
    )
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "two")
    assert [block.text for block in message.content if isinstance(block, TextBlock)] == ["one "]


def test_the_prompt_does_not_change_with_the_billing_line(client: anthropic.Anthropic, script: Script) -> None:
    for checksum in ("1a2b3", "9f8e7"):
        billing = f"x-anthropic-billing-header: cc_version=2.1.0; cch={checksum};"
        client.messages.create(
            model=CHAT,
            max_tokens=5,
            system=[
                {"type": "text", "text": billing},
                {"type": "text", "text": "You write code.", "cache_control": {"type": "ephemeral"}},
            ],
            messages=[{"role": "user", "content": "Hi"}],
        )
    assert script.prompts[0] == script.prompts[1]
    assert script.prompt().startswith("<|im_start|>system\nYou write code.<|im_end|>")


def test_thinking_is_off_unless_asked_for(client: anthropic.Anthropic, script: Script) -> None:
    client.messages.create(model=CHAT, max_tokens=5, messages=[{"role": "user", "content": "Hi"}])
    assert script.prompt().endswith("<think>\n\n</think>\n\n")


def test_tokens_are_counted_without_generating(client: anthropic.Anthropic, script: Script) -> None:
    counted = client.messages.count_tokens(model=CHAT, messages=[{"role": "user", "content": "Hi"}], tools=[WEATHER])
    assert script.prompts == []
    message = client.messages.create(
        model=CHAT, max_tokens=5, messages=[{"role": "user", "content": "Hi"}], tools=[WEATHER]
    )
    assert counted.input_tokens == message.usage.input_tokens


def test_errors_are_typed_exceptions_with_our_sentence(client: anthropic.Anthropic) -> None:
    turns: list[MessageParam] = [{"role": "user", "content": "Hi"}]
    with pytest.raises(anthropic.NotFoundError, match="model 'nobody' not found") as missing:
        client.messages.create(model="nobody", max_tokens=5, messages=turns)
    assert missing.value.type == "not_found_error"
    with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > \d+ maximum"):
        client.messages.create(model=CHAT, max_tokens=5, messages=[{"role": "user", "content": "x" * 3000}])
    image: ImageBlockParam = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    with pytest.raises(anthropic.BadRequestError, match="text only"):
        client.messages.create(model=CHAT, max_tokens=5, messages=[{"role": "user", "content": [image]}])
    with pytest.raises(anthropic.BadRequestError, match="embedding model"):
        client.messages.create(model=EMBEDDING, max_tokens=5, messages=turns)


def test_a_given_beginning_is_continued(client: anthropic.Anthropic, script: Script) -> None:
    script.answer = " 42."
    message = client.messages.create(
        model=CHAT,
        max_tokens=50,
        messages=[{"role": "user", "content": "How much?"}, {"role": "assistant", "content": "It is"}],
    )
    (block,) = message.content
    assert isinstance(block, TextBlock)
    assert block.text == " 42."
    assert script.prompt().endswith("<|im_start|>assistant\n<think>\n\n</think>\n\nIt is")


@pytest.mark.parametrize(
    "beginning",
    [
        {"role": "assistant", "content": "It is "},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "x", "name": "get_weather", "input": {}}]},
    ],
)
def test_other_beginnings_are_refused(client: anthropic.Anthropic, beginning: MessageParam) -> None:
    with pytest.raises(anthropic.BadRequestError, match="begin"):
        client.messages.create(model=CHAT, max_tokens=9, messages=[{"role": "user", "content": "Hi"}, beginning])


def test_no_beginning_is_given_to_what_thinks(client: anthropic.Anthropic) -> None:
    turns: list[MessageParam] = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well"}]
    with pytest.raises(anthropic.BadRequestError, match="thinking"):
        client.messages.create(
            model=CHAT, max_tokens=2000, messages=turns, thinking={"type": "enabled", "budget_tokens": 1024}
        )


def test_a_missing_field_is_named(scripted: str) -> None:
    body = {"model": CHAT, "messages": [{"role": "user", "content": "Hi"}]}
    response = http.post(f"{scripted}/v1/messages", json=body, headers={"x-request-id": "mine-1"})
    assert response.status_code == 400
    assert response.headers["x-request-id"] == "mine-1"
    assert response.json() == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "max_tokens is required"},
        "request_id": "mine-1",
    }


def test_models_are_listed(client: anthropic.Anthropic) -> None:
    assert "gpu-test/chat" in [model.id for model in client.models.list()]


def test_a_real_model_answers(server: str) -> None:
    client = anthropic.Anthropic(base_url=server, api_key="any", max_retries=0)
    with client.messages.stream(model=CHAT, max_tokens=8, messages=[{"role": "user", "content": "Hi"}]) as stream:
        message = stream.get_final_message()
    assert 1 <= message.usage.output_tokens <= 8
    assert message.stop_reason in ("end_turn", "max_tokens")


def test_a_call_can_be_demanded(server: str) -> None:
    client = anthropic.Anthropic(base_url=server, api_key="any", max_retries=0)
    flag: ToolParam = {
        "name": "set_flag",
        "input_schema": {
            "type": "object",
            "properties": {"on": {"type": "boolean"}},
            "required": ["on"],
            "additionalProperties": False,
        },
    }
    for choice in ("any", "tool"):
        wanted = {"type": choice, "disable_parallel_tool_use": True} | (
            {"name": "set_flag"} if choice == "tool" else {}
        )
        message = client.messages.create(
            model=CHAT,
            max_tokens=300,
            tools=[flag],
            tool_choice=wanted,  # pyright: ignore[reportArgumentType]
            messages=[{"role": "user", "content": "Go"}],
        )
        assert message.stop_reason == "tool_use"
        calls = [block for block in message.content if isinstance(block, ToolUseBlock)]
        assert [set(call.input) for call in calls] == [{"on"}]

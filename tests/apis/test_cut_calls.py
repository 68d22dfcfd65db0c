"""A demanded call that the token limit cuts is a call without its end on every API, streamed or not: never markup."""

import json
from typing import Any

import httpx
import pytest

from tests.apis.servers import CHAT, Script

SAVE: dict[str, Any] = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "body": {"type": "string"}},
    "required": ["title", "body"],
}
TOOL = {"type": "function", "function": {"name": "save", "parameters": SAVE}}
HELLO = [{"role": "user", "content": "Hi"}]
BEGINNING = '<tool_call>\n{"name": "save", "arguments": {"title": "Milk", "body": "Two li'
WHOLE = BEGINNING + 'tres"}}\n</tool_call>'
ARGUMENTS = '{"title": "Milk", "body": "Two li'
CHAT_BODY: dict[str, Any] = {
    "model": CHAT, "messages": HELLO, "tools": [TOOL], "tool_choice": "required",
    "chat_template_kwargs": {"enable_thinking": False},
}  # fmt: skip
RESPONSE_BODY: dict[str, Any] = {
    "model": CHAT, "input": "Hi", "tools": [{"type": "function", "name": "save", "parameters": SAVE}],
    "tool_choice": "required", "reasoning": {"effort": "none"},
}  # fmt: skip
MESSAGE_BODY: dict[str, Any] = {
    "model": CHAT, "messages": HELLO, "tools": [{"name": "save", "input_schema": SAVE}], "tool_choice": {"type": "any"},
}  # fmt: skip


@pytest.fixture
def limit(script: Script) -> int:
    """The number of tokens after which the call stops in the middle of its second argument."""
    script.answer = WHOLE
    tokens = script.encode(WHOLE)
    return next(n for n in range(len(tokens)) if len(script.decode(tokens[:n])) >= len(BEGINNING))


def post(url: str, **body: Any) -> httpx.Response:
    response = httpx.post(url, json=body, timeout=60)
    assert response.status_code == 200, response.text
    return response


def events(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]


def begins(arguments: str) -> bool:
    return arguments.startswith(ARGUMENTS) and not arguments.endswith("}")


def test_chat_completions(scripted: str, limit: int) -> None:
    url = f"{scripted}/v1/chat/completions"
    choice = post(url, **CHAT_BODY, max_tokens=limit).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] is None
    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "save"
    assert begins(call["function"]["arguments"])
    chunks = [chunk["choices"][0] for chunk in events(post(url, **CHAT_BODY, max_tokens=limit, stream=True))]
    parts = [part for chunk in chunks for part in chunk["delta"].get("tool_calls", [])]
    assert "".join(part["function"]["arguments"] for part in parts) == call["function"]["arguments"]
    assert not any(chunk["delta"].get("content") for chunk in chunks)
    assert chunks[-1]["finish_reason"] == "length"


def test_responses(scripted: str, limit: int) -> None:
    url = f"{scripted}/v1/responses"
    response = post(url, **RESPONSE_BODY, max_output_tokens=limit).json()
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    (item,) = response["output"]
    assert (item["type"], item["name"], item["status"]) == ("function_call", "save", "incomplete")
    assert begins(item["arguments"])
    streamed = events(post(url, **RESPONSE_BODY, max_output_tokens=limit, stream=True))
    done = next(event for event in streamed if event["type"] == "response.output_item.done")
    assert done["item"]["arguments"] == item["arguments"]
    assert done["item"]["status"] == "incomplete"


def test_messages(scripted: str, limit: int) -> None:
    url = f"{scripted}/v1/messages"
    message = post(url, **MESSAGE_BODY, max_tokens=limit).json()
    assert message["stop_reason"] == "max_tokens"
    (block,) = message["content"]
    assert (block["type"], block["name"], block["input"]) == ("tool_use", "save", {"title": "Milk"})
    streamed = events(post(url, **MESSAGE_BODY, max_tokens=limit, stream=True))
    deltas = [event["delta"] for event in streamed if event["type"] == "content_block_delta"]
    assert begins("".join(delta["partial_json"] for delta in deltas))


def test_ollama(scripted: str, limit: int) -> None:
    url = f"{scripted}/api/chat"
    # Its clients cannot demand a call; then nothing has bound the model, which means the same calls.
    body: dict[str, Any] = {"model": CHAT, "messages": HELLO, "tools": [TOOL], "options": {"num_predict": limit}}
    answer = post(url, **body, stream=False).json()
    assert (answer["done_reason"], answer["message"]["content"]) == ("length", "")
    (call,) = answer["message"]["tool_calls"]
    assert (call["function"]["name"], call["function"]["arguments"]) == ("save", {"title": "Milk"})
    lines = [json.loads(line) for line in post(url, **body, stream=True).text.splitlines()]
    assert not any(line["message"]["content"] for line in lines)
    (streamed,) = [call for line in lines for call in line["message"].get("tool_calls", [])]
    assert streamed["function"] == call["function"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_name_that_was_cut_is_nothing(scripted: str, script: Script, stream: bool) -> None:
    script.answer = WHOLE
    limit = len(script.encode('<tool_call>\n{"name": "sa'))
    response = post(f"{scripted}/v1/chat/completions", **CHAT_BODY, max_tokens=limit, stream=stream)
    assert "tool_call>" not in response.text


@pytest.mark.parametrize("stream", [False, True])
def test_a_demanded_call_that_comes_again_ends_the_answer(scripted: str, script: Script, stream: bool) -> None:
    call = '<tool_call>\n{"name": "save", "arguments": {"title": "%s", "body": "b"}}\n</tool_call>\n'
    script.answer = call % "a" + call % "ab" + (call % "a") * 14
    response = post(f"{scripted}/v1/chat/completions", **CHAT_BODY, stream=stream)
    if stream:
        parts = [part for event in events(response) for part in event["choices"][0]["delta"].get("tool_calls", [])]
        calls = [
            "".join(part["function"]["arguments"] for part in parts if part["index"] == index)
            for index in sorted({part["index"] for part in parts})
        ]
        finish = events(response)[-1]["choices"][0]["finish_reason"]
    else:
        (choice,) = response.json()["choices"]
        calls = [call["function"]["arguments"] for call in choice["message"]["tool_calls"]]
        finish = choice["finish_reason"]
    assert [json.loads(arguments)["title"] for arguments in calls] == ["a", "ab"]
    assert finish == "tool_calls"

"""One conversation, whichever API it comes by, is one prompt: a client that changes APIs keeps its cached prefix."""

import json
from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import ollama
import openai
import pytest

from tests.apis.servers import CHAT, Script

QUESTION, RESULT, NEXT = "Weather in Taipei?", "rain, 18 °C", "And tomorrow?"
# In the order into which the Ollama client brings a schema's keys.
PARAMETERS = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}
FUNCTION = {"name": "get_weather", "description": "The weather", "parameters": PARAMETERS}


def _by_openai(url: str) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Taipei"}'}}
    openai.OpenAI(base_url=f"{url}/v1", api_key="any").chat.completions.create(
        model=CHAT,
        reasoning_effort="none",
        tools=[{"type": "function", "function": FUNCTION}],  # pyright: ignore[reportArgumentType]
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": None, "tool_calls": [call]},  # pyright: ignore[reportArgumentType]
            {"role": "tool", "tool_call_id": "c1", "content": RESULT},
            {"role": "assistant", "content": "It rains."},
            {"role": "user", "content": [{"type": "text", "text": NEXT}]},
        ],
    )


def _by_responses(url: str) -> None:
    openai.OpenAI(base_url=f"{url}/v1", api_key="any").responses.create(
        model=CHAT,
        reasoning={"effort": "none"},
        tools=[{"type": "function", **FUNCTION}],  # pyright: ignore[reportArgumentType]
        instructions="Be brief.",
        input=[
            {"role": "user", "content": QUESTION},
            {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city": "Taipei"}'},
            {"type": "function_call_output", "call_id": "c1", "output": RESULT},
            {"role": "assistant", "content": "It rains."},
            {"role": "user", "content": NEXT},
        ],
    )


def _by_ollama(url: str) -> None:
    call = {"function": {"name": "get_weather", "arguments": {"city": "Taipei"}}}
    ollama.Client(url).chat(
        CHAT,
        think=False,
        tools=[{"type": "function", "function": FUNCTION}],
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_name": "get_weather", "content": RESULT},
            {"role": "assistant", "content": "It rains."},
            {"role": "user", "content": NEXT},
        ],
    )


def _by_anthropic(url: str) -> None:
    call = {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "Taipei"}}
    anthropic.Anthropic(base_url=url, api_key="any").messages.create(
        model=CHAT,
        max_tokens=50,
        tools=[{"name": "get_weather", "description": "The weather", "input_schema": PARAMETERS}],
        system="Be brief.",
        messages=[
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": [call]},  # pyright: ignore[reportArgumentType]
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": RESULT}]},
            {"role": "assistant", "content": [{"type": "text", "text": "It rains."}]},
            {"role": "user", "content": NEXT},
        ],
    )


@pytest.mark.parametrize("ask", [_by_responses, _by_ollama, _by_anthropic])
def test_the_prompt_is_the_same_as_by_chat_completions(
    scripted: str, script: Script, ask: Callable[[str], None]
) -> None:
    _by_openai(scripted)
    ask(scripted)
    assert script.prompt(1) == script.prompt(0)
    assert script.prompts[1] == script.prompts[0]


TEMPLATE = """\
{%- for tool in tools or [] %}{{ tool | tojson }}
{% endfor %}
{%- for message in messages %}<{{ message.role }}>
{%- if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}
{{- message.content }}
{%- for call in message.tool_calls or [] %}[{{ call.function.name }} {{ call.function.arguments | tojson }}]{% endfor %}
{% endfor %}<assistant>{% if enable_thinking %}<think>{% endif %}"""
"""One that shows all there is to a conversation."""

CALLS = [{"city": "Taipei"}, {"city": "Tainan"}]
RESULTS = ["rain", "sun"]
THOUGHTS = "Two cities: two calls."
Bodies = dict[str, dict[str, Any]]


def _two_calls(*, thinks: bool) -> Bodies:
    """A turn of two calls at once, their results, and a question; with or without reasoning."""
    ids = ["c1", "c2"]
    made = [{"name": "get_weather", "arguments": call} for call in CALLS]
    as_text = [{**call, "arguments": json.dumps(call["arguments"])} for call in made]
    thoughts = {"reasoning_content": THOUGHTS} if thinks else {}
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": QUESTION},
        {
            "role": "assistant",
            "content": "I look.",
            **thoughts,
            "tool_calls": [
                {"id": i, "type": "function", "function": call} for i, call in zip(ids, as_text, strict=True)
            ],
        },
        *({"role": "tool", "tool_call_id": i, "content": text} for i, text in zip(ids, RESULTS, strict=True)),
        {"role": "user", "content": NEXT},
    ]
    responses = [
        {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
        *([{"type": "reasoning", "id": "r", "summary": [], "content": [_part("reasoning_text")]}] if thinks else []),
        {"role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        *({"type": "function_call", "call_id": i, **call} for i, call in zip(ids, as_text, strict=True)),
        *({"type": "function_call_output", "call_id": i, "output": t} for i, t in zip(ids, RESULTS, strict=True)),
        {"role": "user", "content": NEXT},
    ]
    ollama_chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": QUESTION},
        {
            "role": "assistant",
            "content": "I look.",
            **({"thinking": THOUGHTS} if thinks else {}),
            "tool_calls": [{"function": call} for call in made],
        },
        *({"role": "tool", "tool_name": "get_weather", "content": text} for text in RESULTS),
        {"role": "user", "content": NEXT},
    ]
    thinking = [{"type": "thinking", "thinking": THOUGHTS, "signature": ""}] if thinks else []
    uses = [
        {"type": "tool_use", "id": i, "name": "get_weather", "input": call} for i, call in zip(ids, CALLS, strict=True)
    ]
    results = [{"type": "tool_result", "tool_use_id": i, "content": text} for i, text in zip(ids, RESULTS, strict=True)]
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": [*thinking, {"type": "text", "text": "I look."}, *uses]},
        {"role": "user", "content": [*results, {"type": "text", "text": NEXT}]},
    ]
    tool = {"type": "function", "function": FUNCTION}
    effort = "high" if thinks else "none"
    tools = [{"name": "get_weather", "description": "The weather", "input_schema": PARAMETERS}]
    enabled = {"thinking": {"type": "enabled", "budget_tokens": 1024}} if thinks else {}
    return {
        "/v1/chat/completions": {"messages": chat, "tools": [tool], "reasoning_effort": effort},
        "/v1/responses": {
            "input": responses,
            "instructions": "Be brief.",
            "tools": [{"type": "function", **FUNCTION}],
            "reasoning": {"effort": effort},
        },
        "/api/chat": {"messages": ollama_chat, "tools": [tool], "think": thinks, "stream": False},
        "/v1/messages": {"messages": messages, "system": "Be brief.", "tools": tools, "max_tokens": 2000, **enabled},
    }


def _part(kind: str) -> dict[str, str]:
    return {"type": kind, "text": THOUGHTS}


@pytest.mark.parametrize("thinks", [False, True])
def test_calls_results_and_reasoning_are_the_same_by_every_api(scripted: str, script: Script, thinks: bool) -> None:
    created = httpx.post(f"{scripted}/api/create", json={"model": "shows", "from": CHAT, "template": TEMPLATE})
    assert created.is_success
    for path, body in _two_calls(thinks=thinks).items():
        response = httpx.post(f"{scripted}{path}", json={"model": "shows", **body})
        assert response.is_success, response.text
    first = script.prompt(0)
    assert (THOUGHTS in first) == thinks
    assert all(text in first for text in ("I look.", '{"city": "Tainan"}', *RESULTS, NEXT, "get_weather"))
    assert [script.prompt(index) for index in range(4)] == [first] * 4
    assert script.prompts == [script.prompts[0]] * 4


def test_a_stored_conversation_goes_on_with_the_same_prompt(scripted: str, script: Script) -> None:
    """By the id of the response before, or with all of it sent again: the beginning stays, so that it is cached."""
    client = openai.OpenAI(base_url=f"{scripted}/v1", api_key="any")
    first = client.responses.create(model=CHAT, input=QUESTION, instructions="Be brief.")
    client.responses.create(model=CHAT, input=NEXT, instructions="Be brief.", previous_response_id=first.id)
    client.chat.completions.create(
        model=CHAT,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": first.output_text},
            {"role": "user", "content": NEXT},
        ],
    )
    assert script.prompts[1] == script.prompts[2]
    assert script.prompt(1).startswith(script.prompt(0) + first.output_text)


def test_a_prompt_of_text_is_the_same_by_generate(scripted: str, script: Script) -> None:
    ollama.Client(scripted).generate(CHAT, QUESTION, system="Be brief.", think=False)
    ollama.Client(scripted).chat(
        CHAT,
        think=False,
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}],
    )
    assert script.prompts[0] == script.prompts[1]

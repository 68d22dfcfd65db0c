"""One conversation, whichever API it comes by, is one prompt: a client that changes APIs keeps its cached prefix."""

from collections.abc import Callable

import anthropic
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

"""LiteLLM, by each of the three APIs."""

import json
import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # its price list is otherwise fetched from the network

import litellm
from pydantic import BaseModel
from trial import SERVER, contains, equal, run

URL = SERVER["url"]
MESSAGES = [{"role": "user", "content": SERVER["question"]}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the current weather of a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
OPENAI: dict[str, Any] = {"model": f"openai/{SERVER['chat']}", "api_base": f"{URL}/v1", "api_key": "any"}
OLLAMA: dict[str, Any] = {"model": f"ollama_chat/{SERVER['chat']}", "api_base": URL}
ANTHROPIC: dict[str, Any] = {"model": f"anthropic/{SERVER['chat']}", "api_base": URL, "api_key": "any"}


class Service(BaseModel):
    device: str
    port: int
    ready: bool


def chat_and_stream(how: dict[str, Any]) -> None:
    whole = litellm.completion(messages=MESSAGES, max_tokens=300, **how).choices[0].message.content
    contains(whole, "OpenVINO")
    stream = litellm.completion(messages=MESSAGES, max_tokens=300, stream=True, **how)
    equal("".join(chunk.choices[0].delta.content or "" for chunk in stream), whole)


def tools(how: dict[str, Any], question: str, **choice: str) -> None:
    asked = [{"role": "user", "content": question}]
    turn = litellm.completion(messages=asked, tools=TOOLS, **choice, **how).choices[0].message
    call = turn.tool_calls[0]
    equal(call.function.name, "get_weather")
    equal(list(json.loads(call.function.arguments)), ["city"])
    result = {"role": "tool", "tool_call_id": call.id, "name": "get_weather", "content": SERVER["weather_result"]}
    answer = litellm.completion(messages=[*asked, turn.model_dump(), result], tools=TOOLS, **how)
    contains(answer.choices[0].message.content, SERVER["reported"])


def openai_chat_and_stream() -> None:
    chat_and_stream(OPENAI)


def openai_tools() -> None:
    tools(OPENAI, SERVER["weather_question"], tool_choice="required")


def openai_structured_output() -> None:
    answer = litellm.completion(messages=MESSAGES, response_format=Service, **OPENAI)
    Service.model_validate_json(answer.choices[0].message.content)


def openai_embeddings() -> None:
    answer = litellm.embedding(
        model=f"openai/{SERVER['embed']}", input=["one", "two"], api_base=f"{URL}/v1", api_key="any"
    )
    equal([len(each["embedding"]) for each in answer.data], [SERVER["dimensions"]] * 2)


def openai_errors() -> None:
    try:
        litellm.completion(messages=MESSAGES, max_retries=0, **{**OPENAI, "model": "openai/nobody"})
    except litellm.NotFoundError as error:
        contains(error, "model 'nobody' not found")
    else:
        raise AssertionError("no error")


def too_long(how: dict[str, Any]) -> None:
    asked = [{"role": "user", "content": "word " * 5000}]
    for stream in (False, True):
        try:
            litellm.completion(messages=asked, stream=stream, max_retries=0, max_tokens=5, **how)
        except litellm.ContextWindowExceededError:
            continue
        raise AssertionError("no ContextWindowExceededError")


def openai_too_long() -> None:
    too_long(OPENAI)


def anthropic_too_long() -> None:
    too_long(ANTHROPIC)


def ollama_chat_and_stream() -> None:
    chat_and_stream(OLLAMA)


def ollama_tools() -> None:
    tools(OLLAMA, SERVER["calling_question"])


def ollama_structured_output() -> None:
    answer = litellm.completion(messages=MESSAGES, response_format=Service, **OLLAMA)
    Service.model_validate_json(answer.choices[0].message.content)


def ollama_embeddings() -> None:
    answer = litellm.embedding(model=f"ollama/{SERVER['embed']}", input=["one", "two"], api_base=URL)
    equal([len(each["embedding"]) for each in answer.data], [SERVER["dimensions"]] * 2)


def anthropic_chat_and_stream() -> None:
    chat_and_stream(ANTHROPIC)


def anthropic_tools() -> None:
    tools({**ANTHROPIC, "max_tokens": 300}, SERVER["weather_question"], tool_choice="required")


run(
    ["litellm"],
    [
        openai_chat_and_stream,
        openai_tools,
        openai_structured_output,
        openai_embeddings,
        openai_errors,
        openai_too_long,
        ollama_chat_and_stream,
        ollama_tools,
        ollama_structured_output,
        ollama_embeddings,
        anthropic_chat_and_stream,
        anthropic_tools,
        anthropic_too_long,
    ],
)

"""Tool calls and prescribed forms by the official client, and bad ones amid running streams, on both pipelines."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import jsonschema
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from tests.reliability.scenarios.clients import QUESTIONS
from tests.support.launch import DeviceProcess

LAMP: dict[str, Any] = {
    "type": "object",
    "properties": {
        "on": {"type": "boolean"},
        "level": {"type": "integer", "minimum": 0, "maximum": 100},
        "colour": {"enum": ["red", "green", "blue"]},
    },
    "required": ["on", "colour"],
}
TOOLS: Any = [{"type": "function", "function": {"name": "lamp", "description": "Switch it.", "parameters": LAMP}}]
BAD: list[dict[str, Any]] = [
    {"guided_regex": "[0-9"},
    {"guided_regex": "(?=a)b"},
    {"guided_regex": "(" * 100_000 + ")" * 100_000},
    {"guided_grammar": "root ::= x"},
    {"guided_grammar": 'start ::= "a"'},
    {"guided_json": {"type": "objekt"}},
    {"guided_json": {"$ref": "#/nope"}},
    {"guided_json": {"type": "integer", "minimum": 9, "maximum": 1}},
    {"guided_json": {"type": "string", "pattern": "(["}},
    {"response_format": {"type": "structural_tag", "format": {"type": "nope"}}},
]


class Lamp(BaseModel):
    on: bool
    colour: Literal["red", "green", "blue"]


@pytest.fixture
def client(server: DeviceProcess) -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key="not needed", max_retries=0)


def test_required_calls_are_always_valid(client: OpenAI, server: DeviceProcess) -> None:
    for seed in range(8):
        answer = client.chat.completions.create(
            model=server.model,
            messages=[{"role": "user", "content": f"Switch lamp {seed} on"}],
            tools=TOOLS,
            tool_choice="required",
            parallel_tool_calls=False,
            temperature=1,
            seed=seed,
        )
        (call,) = answer.choices[0].message.tool_calls or []
        assert call.type == "function"
        jsonschema.validate(json.loads(call.function.arguments), LAMP)
        assert answer.choices[0].finish_reason == "tool_calls"


def test_a_streamed_call_adds_up(client: OpenAI, server: DeviceProcess) -> None:
    with client.chat.completions.stream(
        model=server.model,
        messages=[{"role": "user", "content": "Switch the lamp on"}],
        tools=TOOLS,
        tool_choice={"type": "function", "function": {"name": "lamp"}},
        parallel_tool_calls=False,
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    (call,) = message.tool_calls or []
    assert call.function.name == "lamp"
    jsonschema.validate(json.loads(call.function.arguments), LAMP)


def test_answers_parse_into_a_type(client: OpenAI, server: DeviceProcess) -> None:
    answer = client.chat.completions.parse(
        model=server.model, messages=[{"role": "user", "content": "A lamp, as JSON"}], response_format=Lamp
    )
    assert isinstance(answer.choices[0].message.parsed, Lamp)


def test_bad_forms_are_refused_and_leave_the_running_answers_alone(gpu: DeviceProcess) -> None:
    questions = list(QUESTIONS) * 2
    alone = {question: gpu.chat(question) for question in QUESTIONS}
    with ThreadPoolExecutor(max_workers=26) as threads:
        running = [threads.submit(gpu.chat, question) for question in questions]
        message = {"role": "user", "content": "Hi"}
        body = {"model": gpu.model, "messages": [message]}
        refused = [threads.submit(gpu.post, "/v1/chat/completions", {**body, **form}) for form in BAD]
        responses = [each.result() for each in refused]
        answers = [each.result() for each in running]
    assert [response.status_code for response in responses] == [400] * len(BAD)
    assert all(len(response.json()["error"]["message"]) > 40 for response in responses)
    assert answers == [alone[question] for question in questions]


def test_logprobs_are_refused_where_the_pipeline_has_none(npu: DeviceProcess) -> None:
    client = OpenAI(base_url=f"{npu.url}/v1", api_key="not needed", max_retries=0)
    with pytest.raises(openai.BadRequestError, match="logprobs"):
        client.chat.completions.create(model=npu.model, messages=[{"role": "user", "content": "Hi"}], logprobs=True)

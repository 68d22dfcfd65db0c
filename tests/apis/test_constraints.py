"""Answers of a prescribed form, through each API. The chat model knows nothing: what is right, the grammar made so."""

import asyncio
import json
from typing import Any

import httpx
import jsonschema
import pytest

from instances.protocol import Grammar
from tests.apis.servers import CHAT, Script
from tests.helpers import http

LAMP: dict[str, Any] = {
    "type": "object",
    "properties": {"on": {"type": "boolean"}, "colour": {"enum": ["red", "green"]}},
    "required": ["on", "colour"],
}
WAIT: dict[str, Any] = {
    "type": "object",
    "properties": {"seconds": {"type": "integer", "minimum": 1, "maximum": 60}},
    "required": ["seconds"],
}
TOOLS = [
    {"type": "function", "function": {"name": "lamp", "description": "Switch the lamp.", "parameters": LAMP}},
    {"type": "function", "function": {"name": "wait", "parameters": WAIT}},
]
SCHEMAS = {"lamp": LAMP, "wait": WAIT}
HELLO = [{"role": "user", "content": "Hi"}]


def ask(server: str, **fields: Any) -> httpx.Response:
    thinking = {"chat_template_kwargs": {"enable_thinking": False}}
    body = {"model": CHAT, "messages": HELLO, "max_tokens": 200, "temperature": 1, **thinking, **fields}
    return httpx.post(f"{server}/v1/chat/completions", json=body, timeout=60)


def choice(server: str, **fields: Any) -> dict[str, Any]:
    response = ask(server, **fields)
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]


def content(server: str, **fields: Any) -> str:
    return choice(server, **fields)["message"]["content"]


def chunks(server: str, **fields: Any) -> list[dict[str, Any]]:
    lines = ask(server, stream=True, **fields).text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


@pytest.mark.parametrize("seed", range(5))
def test_required_calls_satisfy_their_schemas(server: str, seed: int) -> None:
    answer = choice(server, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, seed=seed)
    assert answer["finish_reason"] == "tool_calls"
    (call,) = answer["message"]["tool_calls"]
    jsonschema.validate(json.loads(call["function"]["arguments"]), SCHEMAS[call["function"]["name"]])


def test_a_named_tool_is_the_one_that_is_called(server: str) -> None:
    named = {"type": "function", "function": {"name": "wait"}}
    for seed in range(3):
        calls = choice(server, tools=TOOLS, tool_choice=named, seed=seed)["message"]["tool_calls"]
        assert [call["function"]["name"] for call in calls] == ["wait"]


def test_streamed_calls_add_up(server: str) -> None:
    parts = [
        part
        for chunk in chunks(server, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, seed=1)
        for part in chunk["choices"][0]["delta"].get("tool_calls", [])
    ]
    assert [part["index"] for part in parts] == [0] * len(parts)
    assert [bool(part.get("id")) for part in parts] == [True] + [False] * (len(parts) - 1)
    assert ["name" in part["function"] for part in parts] == [True] + [False] * (len(parts) - 1)
    assert len(parts) > 2
    arguments = json.loads("".join(part["function"]["arguments"] for part in parts))
    jsonschema.validate(arguments, SCHEMAS[parts[0]["function"]["name"]])


def test_response_formats(server: str) -> None:
    schema = {"type": "object", "properties": {"lamp": LAMP}, "required": ["lamp"]}
    json_schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    jsonschema.validate(json.loads(content(server, response_format=json_schema)), schema)
    jsonschema.validate(json.loads(content(server, guided_json=schema)), schema)
    assert content(server, guided_choice=["yes", "no"]) in ("yes", "no")
    assert content(server, guided_regex="[ab]{3}").strip("ab") == ""
    assert content(server, guided_grammar='root ::= "x" | "y"') in ("x", "y")
    tag = {"type": "structural_tag", "format": {"type": "const_string", "value": "fixed"}}
    assert content(server, response_format=tag) == "fixed"


@pytest.mark.parametrize(
    ("fields", "param", "reason"),
    [
        ({"guided_regex": "[0-9"}, "response_format", "Unclosed"),
        ({"guided_grammar": "root ::= x"}, "response_format", "not defined"),
        ({"guided_json": {"type": "objekt"}}, "response_format", "objekt"),
        ({"guided_json": "{"}, "guided_json", "JSON"),
        ({"guided_regex": "a", "guided_choice": ["b"]}, None, "one form only"),
        ({"response_format": {"type": "xml"}}, "response_format", "json_object"),
        ({"tool_choice": "required"}, "tool_choice", "no tools"),
        ({"tool_choice": "always"}, "tool_choice", "required"),
        (
            {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "nope"}}},
            "tool_choice",
            "not among",
        ),
        (
            {
                "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "nope"}}}],
                "tool_choice": "required",
            },
            "tools",
            "nope",
        ),
        ({"logit_bias": {"1": 5}}, "logit_bias", "not supported"),
        ({"top_logprobs": 2}, "top_logprobs", "logprobs"),
    ],
)
def test_what_cannot_be_done_is_refused(server: str, fields: dict[str, Any], param: str | None, reason: str) -> None:
    response = ask(server, **fields)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert reason in response.json()["error"]["message"]


async def test_bad_grammars_leave_the_running_answers_alone(server: str) -> None:
    url = f"{server}/v1/chat/completions"
    plain = {"model": CHAT, "messages": HELLO, "max_tokens": 60, "temperature": 0}
    async with httpx.AsyncClient(timeout=60) as client:
        alone = (await client.post(url, json=plain)).json()["choices"][0]
        running = [asyncio.create_task(client.post(url, json=plain)) for _ in range(4)]
        bad = await asyncio.gather(*(client.post(url, json={**plain, "guided_regex": f"[{i}"}) for i in range(5)))
        answers = await asyncio.gather(*running)
    assert [response.status_code for response in bad] == [400] * 5
    assert [response.status_code for response in answers] == [200] * 4
    assert all(response.json()["choices"][0]["finish_reason"] == alone["finish_reason"] for response in answers)


def test_offered_tools_of_a_schema_without_a_grammar_do_not_fail(server: str) -> None:
    broken = [{"type": "function", "function": {"name": "f", "parameters": {"type": "nope"}}}]
    assert ask(server, tools=broken, max_tokens=5).status_code == 200


def test_logprobs_are_those_of_the_chosen_tokens(server: str) -> None:
    answer = choice(server, logprobs=True, top_logprobs=3, max_tokens=8, seed=3)
    entries = answer["logprobs"]["content"]
    assert 0 < len(entries) <= 8
    assert all(entry["logprob"] <= 0 for entry in entries)
    assert all([top["token"] for top in entry["top_logprobs"]] == [entry["token"]] for entry in entries)
    read = bytes(byte for entry in entries for byte in entry["bytes"]).decode("utf-8", "replace")
    assert read.replace("\ufffd", "") == answer["message"]["content"].replace("\ufffd", "")


def test_choices_differ_in_their_seeds_and_come_under_their_indices(scripted: str, script: Script) -> None:
    choices = ask(scripted, n=3, seed=7).json()["choices"]
    assert [each["index"] for each in choices] == [0, 1, 2]
    assert {each["message"]["content"] for each in choices} == {script.answer}
    assert sorted(sampling.seed or 0 for sampling in script.sampling) == [7, 8, 9]
    streamed = chunks(scripted, n=2)
    assert streamed[0]["choices"][0]["index"] == 0
    assert len({sampling.seed for sampling in script.sampling[3:]}) == 2
    texts = ["", ""]
    for chunk in streamed:
        for each in chunk["choices"]:
            texts[each["index"]] += each["delta"].get("content", "")
    assert texts == [script.answer] * 2


def test_ollama_formats_and_logprobs(server: str) -> None:
    options = {"num_predict": 200, "temperature": 1}
    body = {"model": CHAT, "messages": HELLO, "stream": False, "think": False, "options": options}
    answer = httpx.post(f"{server}/api/chat", json={**body, "format": LAMP, "logprobs": True}, timeout=60).json()
    jsonschema.validate(json.loads(answer["message"]["content"]), LAMP)
    assert {"token", "logprob", "bytes"} == set(answer["logprobs"][0])
    assert http.post(f"{server}/api/chat", json={**body, "format": "xml"}).status_code == 400
    broken = http.post(f"{server}/api/chat", json={**body, "format": {"type": "nope"}})
    assert broken.status_code == 400
    assert "nope" in broken.json()["error"]


def test_continued_texts_take_the_same_forms(server: str) -> None:
    body = {"model": CHAT, "prompt": "x", "guided_choice": ["yes", "no"]}
    answer = httpx.post(f"{server}/v1/completions", json=body, timeout=60).json()
    assert answer["choices"][0]["text"] in ("yes", "no")
    broken = http.post(f"{server}/v1/completions", json={**body, "guided_choice": None, "guided_regex": "["})
    assert broken.status_code == 400


def test_anthropic_tool_choice(server: str) -> None:
    tools = [{"name": name, "input_schema": schema} for name, schema in SCHEMAS.items()]
    body = {"model": CHAT, "max_tokens": 200, "messages": HELLO, "tools": tools, "temperature": 1}
    chosen = {"type": "any", "disable_parallel_tool_use": True}
    answer = httpx.post(f"{server}/v1/messages", json={**body, "tool_choice": chosen}, timeout=60).json()
    (block,) = answer["content"]
    jsonschema.validate(block["input"], SCHEMAS[block["name"]])
    chosen = {"type": "tool", "name": "lamp", "disable_parallel_tool_use": True}
    answer = httpx.post(f"{server}/v1/messages", json={**body, "tool_choice": chosen}, timeout=60).json()
    assert {block["name"] for block in answer["content"]} == {"lamp"}


def test_a_model_that_may_think_does_so_before_its_form(scripted: str, script: Script) -> None:
    script.answer = "<think>Hm.</think>a"
    thoughtful = choice(scripted, guided_choice=["a"], chat_template_kwargs={})
    assert thoughtful["message"] == {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "reasoning_content": "Hm.",
    }
    choice(scripted, guided_choice=["a"])
    grammars = [sampling.structure for sampling in script.sampling]
    assert ["<think>" in grammar.ebnf for grammar in grammars if isinstance(grammar, Grammar)] == [True, False]


def test_what_a_form_takes_in_memory_goes_with_it(scripted: str, script: Script) -> None:
    script.answer = '{"seconds": 3}'
    ask(scripted, response_format={"type": "json_schema", "json_schema": {"name": "wait", "schema": WAIT}})
    assert script.sampling[-1].structure_bytes > 0
    ask(scripted)
    assert script.sampling[-1].structure_bytes == 0

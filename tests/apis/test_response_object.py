"""The response object as the Open Responses specification has it, whatever was asked and however it ended."""

import json
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response

from apis.openai.answers import ResponseObject
from apis.openai.response_tools import OfferedTools, ResponseTool, as_arguments, as_input, flat_name
from tests.apis.servers import CHAT, Script
from tests.helpers import http

FUNCTION = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch" /.+/'},
}
FILES = {"type": "namespace", "name": "mcp__files", "description": "Files.", "tools": [{**FUNCTION, "name": "read"}]}
TEXT = '*** Begin Patch\n+ "quoted" \\ back\n*** End Patch 補丁'


def _call(name: str, arguments: dict[str, Any]) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments}, ensure_ascii=False)}</tool_call>"


def _ask(url: str, **body: Any) -> dict[str, Any]:
    """The final response, from a stream or not."""
    sent = {"model": CHAT, "input": "Hi", **body}
    answer = http.post(f"{url}/v1/responses", json=sent)
    assert answer.status_code == 200, answer.text
    return _events(answer.text)[-1]["response"] if sent.get("stream") else answer.json()


def _events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("says", "asked", "status"),
    [
        ("Hello.", {}, "completed"),
        ("Hello.", {"temperature": 0.5, "top_p": 0.25, "presence_penalty": 1, "frequency_penalty": -1}, "completed"),
        ("Hello.", {"max_output_tokens": 2}, "incomplete"),
        ("<think>Well.</think>Hello.", {"reasoning": {"effort": "low", "summary": "auto"}}, "completed"),
        (_call("look", {}), {"tools": [FUNCTION], "tool_choice": "auto"}, "completed"),
        ("Hello.", {"tools": [{**FUNCTION, "strict": True}, PATCH, FILES]}, "completed"),
        ("Hello.", {"safety_identifier": "a", "prompt_cache_key": "b", "user": "c", "store": False}, "completed"),
        ("Hello.", {"max_tool_calls": 3, "top_logprobs": 2, "truncation": "auto"}, "completed"),
    ],
)
def test_every_field_is_there(
    scripted: str, script: Script, says: str, asked: dict[str, Any], status: str, stream: bool
) -> None:
    script.answer = says
    response = _ask(scripted, stream=stream, **asked)
    ResponseObject.model_validate(response, strict=True)
    Response.model_validate(response)
    assert set(response) == set(ResponseObject.model_fields)
    assert response["status"] == status
    assert isinstance(response["created_at"], int)
    assert (response["completed_at"] is not None) == (status == "completed")
    for field in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        assert isinstance(response[field], int | float)
    for field, value in asked.items():
        if field not in ("tools", "tool_choice"):
            assert response[field] == value
    for tool, sent in zip(response["tools"], asked.get("tools", []), strict=True):
        assert tool.items() >= sent.items()
        if sent["type"] == "function":
            assert set(tool) >= {"type", "name", "description", "parameters", "strict"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("says", "kinds"),
    [("x" * 50, ["message"]), ("<think>" + "x" * 50, ["reasoning"]), ("<think>a</think>" + "x" * 50, None)],
)
def test_what_the_limit_cuts_is_incomplete(
    scripted: str, script: Script, says: str, kinds: list[str] | None, stream: bool
) -> None:
    script.answer = says
    response = _ask(scripted, stream=stream, max_output_tokens=30)
    assert response["status"] == "incomplete"
    assert [item["type"] for item in response["output"]] == (kinds or ["reasoning", "message"])
    assert [item["status"] for item in response["output"][:-1]] == ["completed"] * (len(response["output"]) - 1)
    assert response["output"][-1]["status"] == "incomplete"


@pytest.mark.parametrize("stream", [False, True])
def test_a_custom_tool_gets_plain_text_and_a_second_turn_knows_of_it(
    scripted: str, script: Script, stream: bool
) -> None:
    script.answer = _call("apply_patch", {"input": TEXT})
    response = _ask(scripted, stream=stream, tools=[FUNCTION, PATCH])
    assert "*** Begin Patch" in script.prompt()  # the grammar of its input
    (item,) = response["output"]
    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "apply_patch", TEXT)
    script.answer = "Done."
    result = {"type": "custom_tool_call_output", "call_id": item["call_id"], "output": "patched"}
    for history in ({"previous_response_id": response["id"], "input": [result]}, {"input": [item, result]}):
        assert _ask(scripted, tools=[PATCH], **history)["output"][0]["content"][0]["text"] == "Done."
        assert json.dumps(TEXT, ensure_ascii=False) in script.prompt()
        assert "<|im_start|>tool\npatched<|im_end|>" in script.prompt()


def test_a_custom_tools_stream_has_its_own_events(scripted: str, script: Script) -> None:
    script.answer = f"Now.{_call('apply_patch', {'input': TEXT})}"
    client = openai.OpenAI(base_url=f"{scripted}/v1", api_key="any", max_retries=0)
    with client.responses.stream(model=CHAT, input="Hi", tools=[PATCH]) as stream:  # type: ignore[list-item]
        events: list[Any] = list(stream)
    kinds = [event.type for event in events]
    assert not any("function_call" in kind for kind in kinds)
    texts = [event.delta for event in events if event.type == "response.custom_tool_call_input.delta"]
    assert "".join(texts) == TEXT
    (done,) = [event for event in events if event.type == "response.custom_tool_call_input.done"]
    assert done.input == TEXT
    assert [event.sequence_number for event in events] == list(range(len(events)))


@pytest.mark.parametrize("namespace", ["mcp__files", "mcp__files__", "mcp__files_"])
def test_a_namespaces_function_comes_back_under_its_own_name(scripted: str, script: Script, namespace: str) -> None:
    tools = [{**FILES, "name": namespace}, {**FUNCTION, "name": "read"}]
    flat = flat_name("read", namespace)
    script.answer = _call(flat, {}) + _call("read", {})
    response = _ask(scripted, tools=tools)
    assert [(item["name"], item.get("namespace")) for item in response["output"]] == [
        ("read", namespace),
        ("read", None),
    ]
    results = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": f"result {number}"}
        for number, item in enumerate(response["output"])
    ]
    script.answer = "Done."
    _ask(scripted, tools=tools, input=[*response["output"], *results])
    assert f'"name": "{flat}"' in script.prompt()
    assert "result 1" in script.prompt()


@given(text=st.text())
def test_a_custom_tools_input_survives_being_an_argument(text: str) -> None:
    assert as_input(as_arguments(text)) == text


@given(arguments=st.one_of(st.text(), st.recursive(st.none() | st.integers(), st.lists, max_leaves=4).map(json.dumps)))
def test_arguments_of_another_form_are_the_input(arguments: str) -> None:
    assert as_input(arguments) == arguments


_names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,8}", fullmatch=True)
_tools = st.lists(
    st.one_of(
        st.builds(dict, type=st.sampled_from(["function", "custom"]), name=_names),
        st.builds(
            dict,
            type=st.just("namespace"),
            name=_names,
            tools=st.lists(st.builds(dict, type=st.sampled_from(["function", "custom"]), name=_names), max_size=3),
        ),
        st.builds(dict, type=st.sampled_from(["web_search", "local_shell", "tool_search"])),
    ),
    max_size=6,
)


@given(sent=_tools)
def test_what_is_offered_can_be_told_back(sent: list[dict[str, Any]]) -> None:
    tools = [ResponseTool.model_validate(tool) for tool in sent]
    offered = OfferedTools(tools)
    for name, definition in offered.definitions.items():
        assert definition["function"]["name"] == name
        assert flat_name(offered[name].name, offered[name].namespace) == name
    assert [{k: v for k, v in tool.shown().items() if k in one} for tool, one in zip(tools, sent, strict=True)] == sent


@pytest.mark.parametrize(
    ("choice", "offers"),
    [
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]}, ["look"]),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "custom", "name": "apply_patch"}]},
            ["apply_patch"],
        ),
        ("none", []),
        ("auto", ["look", "apply_patch"]),
    ],
)
def test_which_tools_are_offered_can_be_said(scripted: str, script: Script, choice: Any, offers: list[str]) -> None:
    response = _ask(scripted, tools=[FUNCTION, PATCH], tool_choice=choice)
    assert response["tool_choice"] == choice
    for name in ("look", "apply_patch"):
        assert (f'"name": "{name}"' in script.prompt()) == (name in offers)


def test_the_older_nested_form_of_a_function_is_read(scripted: str, script: Script) -> None:
    _ask(scripted, tools=[{"type": "function", "function": {"name": "look", "parameters": {}}}])
    assert '"name": "look"' in script.prompt()


@pytest.mark.parametrize(
    "choice",
    ["sometimes", {"type": "function", "name": "other"}, {"type": "web_search"}, {"type": "custom", "name": "look2"}],
)
def test_a_choice_of_nothing_is_refused(scripted: str, choice: Any) -> None:
    body = {"model": CHAT, "input": "x", "tools": [FUNCTION], "tool_choice": choice}
    answer = http.post(f"{scripted}/v1/responses", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "tool_choice"


def test_a_demanded_custom_tool_is_forced_by_a_grammar(scripted: str, script: Script) -> None:
    script.answer = _call("apply_patch", {"input": TEXT})
    choice = {"type": "custom", "name": "apply_patch"}
    response = _ask(scripted, tools=[FUNCTION, PATCH], tool_choice=choice)
    assert response["output"][-1]["input"] == TEXT
    structure = repr(script.sampling[-1].structure)
    assert "apply_patch" in structure
    assert "look" not in structure


def test_input_items_are_listed_in_parts(scripted: str) -> None:
    response = _ask(
        scripted,
        input=[
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "seen"},
            {"role": "user", "content": [{"type": "input_text", "text": "Three"}]},
        ],
        tools=[FUNCTION],
    )
    url = f"{scripted}/responses/{response['id']}/input_items"
    listed = http.get(f"{url}?order=asc").json()
    assert http.get(url).json()["data"] == listed["data"][::-1]
    texts = [item["content"] for item in listed["data"] if item["type"] == "message"]
    assert [[(part["type"], part["text"]) for part in content] for content in texts] == [
        [("input_text", "One")],
        [("output_text", "Two")],
        [("input_text", "Three")],
    ]
    assert all(item["id"] and item["status"] == "completed" for item in listed["data"])
    pages: list[Any] = []
    page: dict[str, Any] = {"has_more": True, "last_id": None}
    while page["has_more"]:
        after = f"&after={page['last_id']}" if page["last_id"] else ""
        page = http.get(f"{url}?order=asc&limit=2{after}").json()
        pages += page["data"]
    assert pages == listed["data"]


def test_log_probabilities_come_where_they_are_included(server: str) -> None:
    asked = {"max_output_tokens": 6, "include": ["message.output_text.logprobs"], "reasoning": {"effort": "none"}}
    for stream in (False, True):
        response = _ask(server, stream=stream, top_logprobs=1, **asked)
        part = response["output"][-1]["content"][0]
        assert part["logprobs"]
        assert "".join(token["token"] for token in part["logprobs"]) == part["text"]
        assert all(token["logprob"] <= 0 and len(token["top_logprobs"]) == 1 for token in part["logprobs"])
    assert _ask(server, max_output_tokens=3)["output"][-1]["content"][0].get("logprobs", []) == []

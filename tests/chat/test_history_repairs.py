"""Templates that complain of this and that, in the manner of the families' own, each given all kinds of histories."""

import json
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any

import pytest

from chat.conversation import Conversation, Message, ToolCall
from chat.history_repairs import REPAIRS, with_named_results, with_single_calls, with_whole_arguments
from chat.prompts import PromptWriter
from chat.templates import ChatTemplate, TemplateRefused
from tests.chat.test_prompts import SPECIAL, THINK

SHOW = (
    "{% for t in tools or [] %}({{ t.function.name }}){% endfor %}{% for m in messages %}[{{ m.role }}]"
    "{{ m.thinking }}{{ m.content }}{% for c in m.tool_calls or [] %}<{{ c.function.name }}"
    "{{ c.function.arguments if c.function.arguments is string else c.function.arguments | tojson }}>{% endfor %}"
    "{% endfor %}"
)


def _unless(condition: str) -> str:
    return f"{{% for m in messages %}}{{% if {condition} %}}{{{{ raise_exception('no') }}}}{{% endif %}}{{% endfor %}}"


COMPLAINTS = {
    "one call": _unless("m.tool_calls and m.tool_calls | length > 1"),
    "turns alternate": (
        "{% set ns = namespace(i=0) %}{% for m in messages %}"
        "{% if m.role == 'user' or (m.role == 'assistant' and not m.tool_calls) %}"
        "{% if (m.role == 'user') != (ns.i % 2 == 0) %}{{ raise_exception('alternate') }}{% endif %}"
        "{% set ns.i = ns.i + 1 %}{% endif %}{% endfor %}"
    ),
    "ids": _unless("m.role == 'tool' and (m.tool_call_id is not defined or m.tool_call_id | length != 9)"),
    "names": _unless("m.role == 'tool' and m.name is not defined"),
    "text or thoughts": _unless("m.tool_calls and m.content and m.thinking"),
    "descriptions": "{% for t in tools or [] %}{{ '//' + t.function.description }}{% endfor %}",
    "parameters": "{% for t in tools or [] %}{% for k, v in t.function.parameters.properties.items() %}"
    "{{ k + v.description + v.type }}{% endfor %}{% endfor %}",
    "items": "{% for m in messages %}{% for c in m.tool_calls or [] %}{% for k, v in c.function.arguments | items %}"
    "{% endfor %}{% endfor %}{% endfor %}",
    "text arguments": "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ '' + c.function.arguments }}"
    "{% endfor %}{% endfor %}",
    "from_json": "{% for m in messages %}{% for c in m.tool_calls or [] %}{% if c.function.arguments %}"
    "{% for k, v in (c.function.arguments | from_json) | items %}{% endfor %}{% endif %}{% endfor %}{% endfor %}",
    "something said": _unless("m.role == 'assistant' and not m.content and not m.tool_calls"),
    "no system": _unless("m.role == 'system'"),
    "no tool role": _unless("m.role == 'tool'"),
    "the user begins": "{% if messages[0].role not in ('user', 'system') %}{{ raise_exception('begin') }}{% endif %}",
    "a list of tools": "{% for t in tools %}{% endfor %}",
    "old variables": "{{ functions + datetime }}",
}
LOOK: dict[str, Any] = {"type": "function", "function": {"name": "look"}}
FIND: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "find",
        "parameters": {
            "type": "object",
            "properties": {"at": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "n": {"type": ["integer", "null"]}},
        },
    },
}
USER, NEXT = Message("user", "Where is it?"), Message("user", "Go on.")
ONE, TWO = ToolCall("call_1", "look", '{"at": "alpha"}'), ToolCall("call_2", "find", '{"at": "beta"}')
FOUND, NONE = Message("tool", "over here", tool_call_id="call_1"), Message("tool", "nowhere", tool_call_id="call_2")
HISTORIES: dict[str, list[Message]] = {
    "a question": [USER],
    "two system messages": [Message("system", "Rule one."), USER, Message("system", "Rule two.")],
    "a call": [USER, Message("assistant", "", (ONE,)), FOUND],
    "text, thoughts and a call": [USER, Message("assistant", "Let me look.", (ONE,), reasoning="Hm."), FOUND],
    "two calls": [USER, Message("assistant", "", (ONE, TWO)), NONE, FOUND],
    "results without ids": [
        USER, Message("assistant", "", (ONE, TWO)), Message("tool", "over here"), Message("tool", "nowhere"),
    ],
    "a result by name": [USER, Message("assistant", "", (ONE,)), Message("tool", "over here", tool_name="look")],
    "a result, then the user": [USER, Message("assistant", "", (ONE,)), FOUND, NEXT],
    "arguments cut off": [USER, Message("assistant", "", (ToolCall("call_1", "look", '{"at": "al'),)), FOUND],
    "arguments of no form": [USER, Message("assistant", "", (ToolCall("call_1", "look", "alpha!"),)), FOUND],
    "no arguments": [USER, Message("assistant", "", (ToolCall("call_1", "look", ""),)), FOUND],
    "an empty answer": [USER, Message("assistant", ""), NEXT],
    "the assistant begins": [Message("assistant", "Hello."), USER],
    "the user twice": [USER, NEXT],
    "a call without a result": [USER, Message("assistant", "", (ONE,)), NEXT],
    "a result without a call": [USER, FOUND],
    "two rounds": [USER, Message("assistant", "", (ONE,)), FOUND, Message("assistant", "", (TWO,)), NONE],
}  # fmt: skip


@cache
def _sources() -> list[str]:
    return list(_combined())


def _combined() -> Iterator[str]:
    exclusive = ({"items", "text arguments"}, {"from_json", "text arguments"}, {"no tool role", "ids"})
    for count in (0, 1, 2):
        for names in combinations(COMPLAINTS, count):
            if not any(pair <= set(names) for pair in exclusive):
                yield "".join(COMPLAINTS[name] for name in names) + SHOW


@cache
def _writer(source: str) -> tuple[PromptWriter, ChatTemplate]:
    template = ChatTemplate(source, SPECIAL)
    return PromptWriter(lambda m, tools, o: template.render(m, tools=tools, options=o), source, THINK), template


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("tools", [(), (LOOK,), (FIND, LOOK)], ids=["no tools", "bare", "typed"])
def test_no_template_refuses_a_history(history: str, tools: tuple[dict[str, Any], ...]) -> None:
    messages = tuple(HISTORIES[history])
    for source in _sources():
        writer, _ = _writer(source)
        prompt = writer.write(Conversation(messages, tools))
        for message in messages:
            assert message.content in prompt, source
        for name in (call.name for message in messages for call in message.tool_calls):
            assert name in prompt, source
        assert all(tool["function"]["name"] in prompt for tool in tools), source


@pytest.mark.parametrize("history", HISTORIES)
def test_what_is_taken_is_rendered_as_it_is(history: str) -> None:
    """As Hugging Face does: the messages as mappings, the arguments of calls as objects."""
    messages = HISTORIES[history]
    for source in _sources():
        writer, template = _writer(source)
        try:
            plain = template.render([_mapping(message, source) for message in messages], tools=[FIND], options={})
        except TemplateRefused:
            continue
        assert writer.write(Conversation(tuple(messages), (FIND,))) == plain


def _mapping(message: Message, source: str) -> dict[str, Any]:
    writer, _ = _writer(source)
    mapping: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.reasoning:
        mapping["thinking"] = message.reasoning
    if message.tool_calls:
        mapping["tool_calls"] = [
            {"type": "function", "id": call.id, "function": {"name": call.name, "arguments": _object(call.arguments)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        mapping["tool_call_id"] = writer._call_id(message.tool_call_id)
    if message.tool_name:
        mapping["name"] = message.tool_name
    return mapping


def _object(arguments: str) -> Any:
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


def test_steps_that_help_nothing_are_taken_back() -> None:
    source = COMPLAINTS["one call"] + SHOW
    messages = (Message("system", "One."), USER, NEXT, Message("assistant", "", (ONE, TWO)), FOUND, NONE)
    prompt = _writer(source)[0].write(Conversation(messages, (LOOK,)))
    assert prompt.startswith("(look)[system]One.[user]Where is it?[user]Go on.[assistant]")


@pytest.mark.parametrize("repair", REPAIRS[:2] + REPAIRS[3:11])
def test_a_plain_conversation_needs_no_repair(repair: Any) -> None:
    described = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}, "required": []}}
    conversation = Conversation(
        (USER, Message("assistant", "Here."), NEXT), ({"type": "function", "function": described},)
    )
    assert repair(conversation) == conversation


def test_results_go_with_their_calls() -> None:
    single = with_single_calls(Conversation((USER, Message("assistant", "Hm.", (ONE, TWO)), NONE, FOUND, NEXT)))
    assert [(m.role, m.tool_calls, m.content) for m in single.messages] == [
        ("user", (), USER.content),
        ("assistant", (ONE,), "Hm."),
        ("tool", (), "over here"),
        ("assistant", (TWO,), ""),
        ("tool", (), "nowhere"),
        ("user", (), "Go on."),
    ]
    bare = Conversation(
        (Message("assistant", "", (ONE, TWO)), Message("tool", "b", tool_name="find"), Message("tool", "a"))
    )
    assert [m.tool_call_id for m in with_named_results(bare).messages[1:]] == ["call_2", "call_1"]


def test_broken_arguments_become_objects() -> None:
    calls = [ToolCall("1", "f", text) for text in ('{"a": [1, "b', "[1]", "nonsense", "{}", "")]
    repaired = with_whole_arguments(Conversation((Message("assistant", "", tuple(calls)),))).messages[0].tool_calls
    assert [call.arguments for call in repaired] == [
        '{"a": [1, "b"]}', '{"arguments": "[1]"}', '{"arguments": "nonsense"}', "{}", ""
    ]  # fmt: skip

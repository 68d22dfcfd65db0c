"""Conversations in other shapes, for chat templates that refuse the one they come in.

`REPAIRS` lists the changes in the order in which they are tried, the gentlest first. Each leaves a conversation that
has nothing to repair as it is, and none loses a word that was said.
"""

import datetime
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chat.conversation import Conversation, Message, ToolCall
from chat.schemas import SchemaError, Schemas
from chat.tool_formats.json_text import closed_object, json_object

Repair = Callable[[Conversation], Conversation]

_TOOLS_INTRODUCTION = (
    "You may call functions to help with the user's request. These are their signatures, as JSON:\n<tools>\n{}\n"
    "</tools>\nTo call one, answer with a JSON object of its name and arguments between tags:\n"
    '<tool_call>\n{{"name": "<function name>", "arguments": {{…}}}}\n</tool_call>'
)


def with_described_tools(conversation: Conversation) -> Conversation:
    """Tools with a description and parameters, empty ones where they have none."""
    return replace(conversation, tools=tuple(_described(tool) for tool in conversation.tools))


def with_older_variables(conversation: Conversation) -> Conversation:
    """Tools and the date as some templates from before the common form ask for them: as ready texts."""
    functions = json.dumps([tool.get("function", tool) for tool in conversation.tools], ensure_ascii=False, indent=4)
    today = datetime.datetime.now().strftime("%B %d, %Y")
    options = {"functions": functions, "datetime": today, **conversation.template_options}
    return replace(conversation, template_options=options)


def with_described_parameters(conversation: Conversation) -> Conversation:
    """Parameters with one type each and a description, too."""
    tools = with_described_tools(conversation).tools
    return replace(conversation, tools=tuple(_with_parameters(tool, _described_schema) for tool in tools))


def with_whole_arguments(conversation: Conversation) -> Conversation:
    """Arguments that are no JSON object as one: those that were cut off closed, of others their text."""
    return _with_calls(conversation, _whole_arguments)


def with_named_results(conversation: Conversation) -> Conversation:
    """Results with the id and the name of the call that they answer, in the order of the calls where they say
    neither."""
    messages: list[Message] = []
    open_calls: list[ToolCall] = []
    for message in conversation.messages:
        if message.tool_calls:
            open_calls = list(message.tool_calls)
        elif message.role == "tool":
            answered = _answered(message, open_calls)
            if answered is not None:
                open_calls.remove(answered)
            call_id = message.tool_call_id or (answered.id if answered else "call_0")
            name = message.tool_name or (answered.name if answered else None)
            message = replace(message, tool_call_id=call_id, tool_name=name)
        messages.append(message)
    return replace(conversation, messages=tuple(messages))


def with_thoughts_or_text(conversation: Conversation) -> Conversation:
    """Of messages with thoughts, text and calls the text as the last of the thoughts."""
    return _with_messages(
        conversation,
        lambda message: (
            replace(message, content="", reasoning=f"{message.reasoning}\n\n{message.content}")
            if message.tool_calls and message.reasoning and message.content
            else message
        ),
    )


def with_single_calls(conversation: Conversation) -> Conversation:
    """One call a message, each followed by its result."""
    messages: list[Message] = []
    waiting = list(conversation.messages)
    while waiting:
        message = waiting.pop(0)
        if len(message.tool_calls) < 2:
            messages.append(message)
            continue
        results: list[Message] = []
        while waiting and waiting[0].role == "tool":
            results.append(waiting.pop(0))
        for number, call in enumerate(message.tool_calls):
            text, thoughts = (message.content, message.reasoning) if number == 0 else ("", "")
            messages.append(replace(message, content=text, reasoning=thoughts, tool_calls=(call,)))
            own = [result for result in results if result.tool_call_id in (call.id, None)]
            own = own[:1] if own and own[0].tool_call_id is None else own
            messages += own
            results = [result for result in results if not any(result is each for each in own)]
        messages += results
    return replace(conversation, messages=tuple(messages))


def without_empty_answers(conversation: Conversation) -> Conversation:
    """No messages of the assistant's that say nothing."""
    said = [
        message
        for message in conversation.messages
        if message.role != "assistant" or message.content.strip() or message.tool_calls
    ]
    return replace(conversation, messages=tuple(said))


def alternating(conversation: Conversation) -> Conversation:
    """All system messages as one at the beginning, neighbours of one role as one message."""
    system = [message for message in conversation.messages if message.role == "system"]
    merged: list[Message] = []
    if system:
        pictures = tuple(picture for message in system for picture in message.pictures)
        merged.append(Message("system", "\n\n".join(message.content for message in system), pictures=pictures))
    for message in conversation.messages:
        if message.role == "system":
            continue
        last = merged[-1] if merged else None
        if last and last.role == message.role and _is_plain(last) and _is_plain(message):
            merged[-1] = _joined(last, message)
        else:
            merged.append(message)
    return replace(conversation, messages=tuple(merged))


def with_results_before_answers(conversation: Conversation) -> Conversation:
    """What the user says after a tool's result as a part of that result: only an answer may follow it."""
    messages: list[Message] = []
    for message in conversation.messages:
        if messages and message.role == "user" and messages[-1].role == "tool":
            messages[-1] = _joined(messages[-1], message)
        else:
            messages.append(message)
    return replace(conversation, messages=tuple(messages))


def beginning_with_the_user(conversation: Conversation) -> Conversation:
    """An empty message of the user's where the assistant begins."""
    messages = conversation.messages
    first = 1 if messages and messages[0].role == "system" else 0
    if first < len(messages) and messages[first].role == "assistant":
        messages = (*messages[:first], Message("user", ""), *messages[first:])
    return replace(conversation, messages=messages)


def without_system(conversation: Conversation) -> Conversation:
    """The system message at the head of the first user message."""
    system = "\n\n".join(message.content for message in conversation.messages if message.role == "system")
    rest = [message for message in conversation.messages if message.role != "system"]
    if system:
        first = rest.pop(0) if rest and rest[0].role == "user" else Message("user", "")
        rest.insert(0, replace(first, content=f"{system}\n\n{first.content}".rstrip()))
    return alternating(replace(conversation, messages=tuple(rest)))


def with_results_as_text(conversation: Conversation) -> Conversation:
    """Tools' results as the user's words."""
    shaped = _with_messages(conversation, lambda message: _text(message) if message.role == "tool" else message)
    return alternating(shaped)


def with_tools_as_text(conversation: Conversation) -> Conversation:
    """Definitions, calls and results written into the messages' texts, for a template that knows no tools."""
    messages = [_text(message) for message in conversation.messages]
    if conversation.tools:
        lines = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in conversation.tools)
        introduction = _TOOLS_INTRODUCTION.format(lines)
        if messages and messages[0].role == "system":
            first = messages.pop(0)
            introduction = f"{first.content}\n\n{introduction}"
        messages.insert(0, Message("system", introduction))
    return replace(conversation, messages=tuple(messages), tools=())


def plainest(conversation: Conversation) -> Conversation:
    """Nothing but turns of the user and the assistant, tools as text."""
    return beginning_with_the_user(without_system(with_tools_as_text(conversation)))


REPAIRS: tuple[Repair, ...] = (
    with_described_tools,
    with_described_parameters,
    with_older_variables,
    with_whole_arguments,
    with_named_results,
    with_thoughts_or_text,
    with_single_calls,
    without_empty_answers,
    alternating,
    with_results_before_answers,
    beginning_with_the_user,
    without_system,
    with_results_as_text,
    plainest,
)


def _with_messages(conversation: Conversation, change: Callable[[Message], Message]) -> Conversation:
    return replace(conversation, messages=tuple(change(message) for message in conversation.messages))


def _with_calls(conversation: Conversation, change: Callable[[ToolCall], ToolCall]) -> Conversation:
    return _with_messages(
        conversation, lambda message: replace(message, tool_calls=tuple(change(call) for call in message.tool_calls))
    )


def _whole_arguments(call: ToolCall) -> ToolCall:
    text = call.arguments.strip()
    if not text or json_object(text) is not None:
        return call
    members = closed_object(text) if text.startswith("{") else {"arguments": call.arguments}
    return replace(call, arguments=json.dumps(members, ensure_ascii=False))


def _answered(result: Message, calls: list[ToolCall]) -> ToolCall | None:
    """The call that a result belongs to."""
    if result.tool_call_id is not None:
        return next((call for call in calls if call.id == result.tool_call_id), None)
    named = [call for call in calls if call.name == result.tool_name] if result.tool_name else []
    return next(iter(named or calls), None)


def _described(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return tool
    missing: dict[str, Any] = {}
    if not isinstance(function.get("description"), str):
        missing["description"] = ""
    if not isinstance(function.get("parameters"), Mapping):
        missing["parameters"] = {"type": "object", "properties": {}}
    elif "properties" not in function["parameters"]:
        missing["parameters"] = {"type": "object", **function["parameters"], "properties": {}}
    return {**tool, "function": {**function, **missing}} if missing else tool


def _with_parameters(tool: Mapping[str, Any], change: Callable[[Any], Any]) -> Mapping[str, Any]:
    function = tool.get("function")
    if not isinstance(function, Mapping) or "parameters" not in function:
        return tool
    parameters = {"type": "object", **function["parameters"], "required": function["parameters"].get("required") or []}
    properties = parameters.get("properties")
    if isinstance(properties, Mapping):
        parameters["properties"] = {name: change(each) for name, each in properties.items()}
    return {**tool, "function": {**function, "parameters": parameters}}


def _described_schema(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    described = {**schema, "type": _one_type(schema)}
    described.setdefault("description", "")
    if isinstance(schema.get("properties"), Mapping):
        described["properties"] = {name: _described_schema(each) for name, each in schema["properties"].items()}
    if isinstance(schema.get("items"), Mapping):
        described["items"] = _described_schema(schema["items"])
    return described


def _one_type(schema: Mapping[str, Any]) -> str:
    if isinstance(schema.get("type"), str):
        return schema["type"]
    try:
        types = Schemas(schema).types(schema)
    except SchemaError:
        types = frozenset[str]()
    return next((kind for kind in ("string", "integer", "number", "boolean", "array") if kind in types), "object")


def _text(message: Message) -> Message:
    if message.role == "tool":
        return Message("user", f"<tool_response>\n{message.content}\n</tool_response>", pictures=message.pictures)
    if not message.tool_calls:
        return message
    calls = [f'{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}' for call in message.tool_calls]
    blocks = "\n".join(f"<tool_call>\n{call}\n</tool_call>" for call in calls)
    return replace(message, content=f"{message.content}\n{blocks}".strip(), tool_calls=())


def _joined(first: Message, second: Message) -> Message:
    texts = [text for text in (first.content, second.content) if text]
    reasoning = second.reasoning or first.reasoning
    pictures = (*first.pictures, *second.pictures)
    return replace(first, content="\n\n".join(texts), reasoning=reasoning, pictures=pictures)


def _is_plain(message: Message) -> bool:
    return message.role in ("user", "assistant") and not message.tool_calls

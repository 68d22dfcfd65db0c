"""A conversation as the messages that chat templates expect, and in simpler shapes for templates that refuse those."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chat.conversation import Conversation, Message, Role, ToolCall
from chat.reasoning import strip_reasoning
from chat.sections import Tag
from chat.templates import TemplateRefused

Messages = list[dict[str, Any]]
Render = Callable[[Messages, list[dict[str, Any]] | None, Mapping[str, Any]], str]

_TOOLS_INTRODUCTION = (
    "You may call functions to help with the user's request. These are their signatures, as JSON:\n<tools>\n{}\n"
    "</tools>\nTo call one, answer with a JSON object of its name and arguments between tags:\n"
    '<tool_call>\n{{"name": "<function name>", "arguments": {{…}}}}\n</tool_call>'
)


@dataclass(frozen=True)
class PromptWriter:
    """Renders conversations with a template of which the text is known. `tag` sets the model's reasoning apart."""

    render: Render
    source: str
    tag: Tag

    def write(self, conversation: Conversation) -> str:
        """The prompt of a conversation. Raises `TemplateRefused` when no shape of it is taken."""
        refused: TemplateRefused | None = None
        lossy: str | None = None
        for shaped, arguments_as_text in self._shapes(conversation):
            messages = [self._as_mapping(message, arguments_as_text) for message in shaped.messages]
            tools = [dict(tool) for tool in shaped.tools] or None
            try:
                prompt = self.render(messages, tools, shaped.template_options)
            except TemplateRefused as error:
                refused = refused or error
                continue
            if not _loses_messages(prompt, shaped):
                return prompt
            lossy = lossy or prompt
        if lossy is None:
            raise refused or TemplateRefused("there is no conversation")
        return lossy

    def _shapes(self, conversation: Conversation) -> Iterator[tuple[Conversation, bool]]:
        """The conversation as it is, then ever plainer."""
        if not self._knows_tools:
            conversation = _tools_as_text(conversation)
        called = any(message.tool_calls for message in conversation.messages)
        plainer = Conversation(_alternating(conversation.messages), conversation.tools, conversation.template_options)
        plainest = Conversation(_without_system(plainer.messages), plainer.tools, plainer.template_options)
        for shape in (conversation, plainer, plainest):
            yield shape, False
            if called:
                yield shape, True  # some templates concatenate the arguments as text

    @property
    def _knows_tools(self) -> bool:
        return "tools" in self.source or "tool_calls" in self.source

    @cached_property
    def _takes_parts_only(self) -> bool:
        """Whether texts are shown only where they come in a list of parts, as some vision-language models have it."""
        probe = "probe"
        contents: tuple[Any, ...] = (probe, [{"type": "text", "text": probe}])
        for content in contents:
            try:
                shown = probe in self.render([{"role": "user", "content": content}], None, {})
            except TemplateRefused:
                continue
            if shown:
                return content is not probe
        return False

    def _as_mapping(self, message: Message, arguments_as_text: bool) -> dict[str, Any]:
        thoughts, content = "", message.content
        if message.role == "assistant":
            thoughts, content = strip_reasoning(content, self.tag)
        shown = [{"type": "text", "text": content}] if self._takes_parts_only else content
        mapping: dict[str, Any] = {"role": message.role, "content": shown}
        thoughts = message.reasoning or thoughts
        # A template that knows reasoning decides itself how much of it to show; otherwise old thoughts are left out.
        for key in ("reasoning_content", "thinking"):
            if thoughts and key in self.source:
                mapping[key] = thoughts
                break
        if message.tool_calls:
            mapping["tool_calls"] = [
                {
                    "type": "function",
                    "id": self._call_id(call.id),
                    "function": {"name": call.name, "arguments": _arguments(call, arguments_as_text)},
                }
                for call in message.tool_calls
            ]
        if message.tool_call_id is not None:
            mapping["tool_call_id"] = self._call_id(message.tool_call_id)
        if message.tool_name is not None:
            mapping["name"] = message.tool_name
        return mapping

    def _call_id(self, call_id: str) -> str:
        """Mistral's templates take ids of nine letters or digits only."""
        if "length != 9" not in self.source or (len(call_id) == 9 and call_id.isalnum()):
            return call_id
        return hashlib.sha256(call_id.encode()).hexdigest()[:9]


def _arguments(call: ToolCall, as_text: bool) -> Any:
    if as_text:
        return call.arguments
    try:
        return json.loads(call.arguments or "{}")
    except ValueError:
        return call.arguments


def _loses_messages(prompt: str, conversation: Conversation) -> bool:
    """Whether the template dropped a system message or a tool's result without a word."""
    watched = [message.content.strip() for message in conversation.messages if message.role in ("system", "tool")]
    plain = [text for text in watched if text and text.isprintable() and '"' not in text]
    return any(text not in prompt for text in plain)


def _tools_as_text(conversation: Conversation) -> Conversation:
    """For a template that knows no tools: definitions, calls and results written into the messages' texts."""
    messages = [_tool_text(message) for message in conversation.messages]
    if conversation.tools:
        lines = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in conversation.tools)
        introduction = _TOOLS_INTRODUCTION.format(lines)
        if messages and messages[0].role == "system":
            first = messages.pop(0)
            introduction = f"{first.content}\n\n{introduction}"
        messages.insert(0, Message("system", introduction))
    return Conversation(tuple(messages), (), conversation.template_options)


def _tool_text(message: Message) -> Message:
    if message.role == "tool":
        return Message("user", f"<tool_response>\n{message.content}\n</tool_response>")
    if not message.tool_calls:
        return message
    calls = [f'{{"name": {json.dumps(call.name)}, "arguments": {call.arguments}}}' for call in message.tool_calls]
    blocks = "\n".join(f"<tool_call>\n{call}\n</tool_call>" for call in calls)
    return Message("assistant", f"{message.content}\n{blocks}".strip(), reasoning=message.reasoning)


def _alternating(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """All system messages as one at the beginning, neighbours of one role as one message."""
    system = [message for message in messages if message.role == "system"]
    others = [message for message in messages if message.role != "system"]
    merged: list[Message] = [Message("system", "\n\n".join(message.content for message in system))] if system else []
    for message in others:
        last = merged[-1] if merged else None
        if last and last.role == message.role and _is_plain(last) and _is_plain(message):
            merged[-1] = Message(message.role, f"{last.content}\n\n{message.content}", reasoning=message.reasoning)
        else:
            merged.append(message)
    return tuple(merged)


def _is_plain(message: Message) -> bool:
    return message.role in ("user", "assistant") and not message.tool_calls


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The system message at the head of the first user message; tool results as the user's."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [_tool_text(message) if message.role == "tool" else message for message in messages]
    rest = [message for message in rest if message.role != "system"]
    if system:
        role: Role = "user"
        first = rest.pop(0).content if rest and rest[0].role == "user" else ""
        rest.insert(0, Message(role, f"{system}\n\n{first}".rstrip()))
    return _alternating(tuple(rest))

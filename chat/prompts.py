"""A conversation as the messages that chat templates expect, in another shape for templates that refuse those."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chat.conversation import Conversation, Message, ToolCall
from chat.history_repairs import REPAIRS, Repair, alternating, with_single_calls, with_tools_as_text, without_system
from chat.reasoning import strip_reasoning
from chat.sections import Tag
from chat.templates import TemplateRefused
from model_files.tool_call_families import knows_tools

Messages = list[dict[str, Any]]
Render = Callable[[Messages, list[dict[str, Any]] | None, Mapping[str, Any]], str]

_THOUGHTS = ("reasoning_content", "thinking", "reasoning")
_REASONING = re.compile(r"\.reasoning\b|\[['\"]reasoning['\"]\]|\bget\(['\"]reasoning['\"]")


@dataclass(frozen=True)
class PromptWriter:
    """Renders conversations with a template of which the text is known. `tag` sets the model's reasoning apart.

    A template gets the conversation as it is, with the arguments of calls as objects, which is what Hugging Face hands
    it, then with an empty list for no tools, then with the arguments as text. What it refuses in all these ways is
    repaired by the steps of `shapes.REPAIRS`, one added to the other in their order, until it is taken; steps that turn
    out to be of no use are taken back. What is taken but loses a system message, a call or a tool's result is written
    with those brought into the usual order, if that shows them.
    """

    render: Render
    source: str
    tag: Tag

    def write(self, conversation: Conversation) -> str:
        """The prompt of a conversation. Raises `TemplateRefused` when no shape of it is taken."""
        if not knows_tools(self.source):
            conversation = with_tools_as_text(conversation)
        shaped, prompt = self._taken(conversation)
        return next(self._without_loss(shaped), prompt) if _loses(prompt, shaped) else prompt

    def _taken(self, conversation: Conversation) -> tuple[Conversation, str]:
        """The first shape that the template takes, and what it makes of it. Raises `TemplateRefused`."""
        try:
            return conversation, self._rendered(conversation)
        except TemplateRefused as refused:
            return self._repaired(conversation, refused)

    def _rendered(self, conversation: Conversation) -> str:
        """Raises `TemplateRefused`, with what it says about arguments that are objects."""
        if not conversation.messages:
            raise TemplateRefused("there is no conversation")
        called = any(message.tool_calls for message in conversation.messages)
        first: TemplateRefused | None = None
        for as_text in (False, True) if called else (False,):
            for no_tools in (None,) if conversation.tools else (None, []):
                try:
                    return self._render(conversation, no_tools, arguments_as_text=as_text)
                except TemplateRefused as refused:
                    first = first or refused
        raise first or TemplateRefused("there is no conversation")

    def _repaired(self, conversation: Conversation, refused: TemplateRefused) -> tuple[Conversation, str]:
        steps: list[Repair] = []
        shaped = conversation
        for repair in REPAIRS:
            before, shaped = shaped, repair(shaped)
            if shaped == before:
                continue
            steps.append(repair)
            try:
                prompt = self._rendered(shaped)
            except TemplateRefused:
                continue
            return self._with_fewest(conversation, steps, prompt)
        raise refused

    def _with_fewest(self, conversation: Conversation, steps: list[Repair], prompt: str) -> tuple[Conversation, str]:
        """The same without those of `steps` that it does not take."""
        for step in steps[:-1]:
            fewer = [each for each in steps if each is not step]
            try:
                prompt = self._rendered(_after(conversation, fewer))
            except TemplateRefused:
                continue
            steps = fewer
        return _after(conversation, steps), prompt

    def _without_loss(self, conversation: Conversation) -> Iterator[str]:
        shapes = (with_single_calls, alternating, without_system)
        for count in range(1, len(shapes) + 1):
            shaped = _after(conversation, list(shapes[:count]))
            if shaped == conversation:
                continue
            try:
                prompt = self._rendered(shaped)
            except TemplateRefused:
                continue
            if not _loses(prompt, conversation):
                yield prompt

    def _render(self, conversation: Conversation, no_tools: list[Any] | None, *, arguments_as_text: bool) -> str:
        messages = [self._as_mapping(message, arguments_as_text) for message in conversation.messages]
        tools = [dict(tool) for tool in conversation.tools] or no_tools
        return self.render(messages, tools, conversation.template_options)

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

    @cached_property
    def _thoughts_key(self) -> str | None:
        """Under which name the template shows reasoning."""
        keys = [key for key in _THOUGHTS[:2] if key in self.source]
        return keys[0] if keys else _THOUGHTS[2] if _REASONING.search(self.source) else None

    def _as_mapping(self, message: Message, arguments_as_text: bool) -> dict[str, Any]:
        thoughts, content = "", message.content
        if message.role == "assistant":
            thoughts, content = strip_reasoning(content, self.tag)
        shown = [{"type": "text", "text": content}] if self._takes_parts_only else content
        mapping: dict[str, Any] = {"role": message.role, "content": shown}
        thoughts = message.reasoning or thoughts
        # A template that knows reasoning decides itself how much of it to show; otherwise old thoughts are left out.
        if thoughts and self._thoughts_key:
            mapping[self._thoughts_key] = thoughts
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


def _after(conversation: Conversation, steps: list[Repair]) -> Conversation:
    for step in steps:
        conversation = step(conversation)
    return conversation


def _arguments(call: ToolCall, as_text: bool) -> Any:
    if as_text:
        return call.arguments
    try:
        return json.loads(call.arguments or "{}")
    except ValueError:
        return call.arguments


def _loses(prompt: str, conversation: Conversation) -> bool:
    """Whether the template dropped a system message, a tool's result or all but the first of some calls without a
    word."""
    watched = [message.content.strip() for message in conversation.messages if message.role in ("system", "tool")]
    for message in conversation.messages:
        calls = message.tool_calls
        if len(calls) > 1 and calls[0].name in prompt:
            watched += [call.name for call in calls[1:]]
            watched += [text for call in calls[1:] for text in _texts(_arguments(call, False))]
    plain = [text for text in watched if text and text.isprintable() and '"' not in text and "\\" not in text]
    return any(text not in prompt for text in plain)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _texts(part)]

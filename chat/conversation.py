"""A conversation as the rooms below the wire see it, whichever API it came by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from chat.grammars.forms import AnswerForm
from chat.pictures import Picture
from instances.protocol import GenerationParams

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class ToolCall:
    """A call that a model made. `arguments` is a JSON object as text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Message:
    """`tool_call_id` and `tool_name` belong to role "tool": which call this is the result of. `reasoning` is what an
    assistant thought before an earlier answer, where the client sends it back. `pictures` have their markers in
    `content`."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    tool_call_id: str | None = None
    tool_name: str | None = None
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """`tools` are function definitions in OpenAI's form; `template_options` reach the chat template as variables.

    With `must_call` the answer consists of calls, with `tool_name` of calls of that tool, without `parallel_calls` of
    one call at most. With `continued` the last message is the beginning of the answer, which goes on from there.
    """

    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    template_options: Mapping[str, Any] = field(default_factory=dict)
    must_call: bool = False
    tool_name: str | None = None
    parallel_calls: bool = True
    continued: bool = False

    @property
    def pictures(self) -> list[Picture]:
        return [picture for message in self.messages for picture in message.pictures]

    def with_system(self, prompt: str | None) -> Conversation:
        """With this system prompt, unless it has one of its own."""
        if not prompt or any(message.role == "system" for message in self.messages):
            return self
        return replace(self, messages=(Message("system", prompt), *self.messages))


@dataclass(frozen=True)
class GenerationOptions:
    """What a client may ask of an answer. `keep_alive` in seconds, negative for ever, sets how long the model's
    instances stay after this request. `form` is what the answer must look like."""

    sampling: GenerationParams = field(default_factory=GenerationParams)
    keep_alive: float | None = None
    form: AnswerForm | None = None

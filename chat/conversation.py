"""A conversation as the rooms below the wire see it, whichever API it came by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class ToolCall:
    """A call that a model made. `arguments` is a JSON object as text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Message:
    """`tool_call_id` and `tool_name` belong to role "tool": which call this is the result of."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None


@dataclass(frozen=True)
class Conversation:
    """`tools` are function definitions in OpenAI's form; `template_options` reach the chat template as variables."""

    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    template_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GenerationOptions:
    """What a client may ask of an answer; None leaves it to the model's defaults.

    `max_tokens` is cut to what the context leaves. `keep_alive` in seconds, negative for ever, sets how long the
    model's instances stay after this request.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    keep_alive: float | None = None

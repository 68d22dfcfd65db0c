"""What the newest tokens added to an answer."""

from dataclasses import dataclass

from chat.conversation import ToolCall


@dataclass(frozen=True)
class CallPart:
    """A piece of a call as it comes: `id` and `name` in its first piece only, then more of `arguments` (JSON text)."""

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Delta:
    """Usually one of these is set.

    `tool_call` is a whole call, when it is complete; `call_part` is for those who want it piece by piece. A call that
    comes all at once has both in one delta. `logprobs` are those of `tokens`, the newest tokens.
    """

    text: str = ""
    reasoning: str = ""
    tool_call: ToolCall | None = None
    call_part: CallPart | None = None

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
class TokenLogprob:
    """A token's bytes and the natural logarithm of its probability, None for the first of a prompt. `top` are the
    likeliest in its place, which are known of prompts only."""

    piece: bytes
    logprob: float | None
    top: tuple[tuple[bytes, float], ...] = ()


@dataclass(frozen=True)
class Delta:
    """Usually one of the first four is set.

    `tool_call` is a whole call, when it is complete; `call_part` is for those who want it piece by piece. A call that
    comes all at once has both in one delta. `logprobs`, where they were asked for, are those of all tokens since the
    last delta that had some. `choice` tells the answers to one request apart.
    """

    text: str = ""
    reasoning: str = ""
    tool_call: ToolCall | None = None
    call_part: CallPart | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    choice: int = 0

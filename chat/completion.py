"""An answer under way, as the APIs see it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Literal

from chat.answer import Delta
from instances.protocol import TokenOutput
from pools.served_model import ServedModel
from pools.statistics import Timings

FinishReason = Literal["stop", "length", "tool_calls"]


@dataclass
class Completion:
    """An answer under way. Iterate `deltas` once; `finish_reason` and `timings` are complete after it.

    `prompt_tokens` of a prompt with images is expected at first and known at the end. `cached_tokens` is how many of
    them were at least there from earlier requests; it comes with the first delta, None where it is not known.
    """

    model: ServedModel
    prompt_ids: list[int]
    timings: Timings
    prompt_tokens: int
    cached_tokens: int | None = field(default=None, init=False)
    deltas: AsyncGenerator[Delta, None] = field(init=False)
    generated_ids: list[int] = field(default_factory=list)
    finish_reason: FinishReason = "stop"
    stop_string: str | None = None

    def take(self, output: TokenOutput) -> None:
        """Add what an instance says."""
        self.generated_ids += output.tokens
        if output.cached_tokens is not None:
            self.cached_tokens = output.cached_tokens
        if output.prompt_tokens is not None:
            self.prompt_tokens = output.prompt_tokens

"""How fast one request's tokens came: the one number that the page, the APIs, the metrics and the routing use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass
class TokenPace:
    """The deliveries of one answer. `tokens` came after the first delivery, in `seconds` on the clock of the process
    that made them: how late they are read, or taken by a client, does not count."""

    tokens: int = 0
    seconds: float = 0.0
    _last: float | None = None

    def deliver(self, tokens: int, at: float) -> None:
        """`at`: seconds on the maker's clock."""
        if not tokens:
            return
        if self._last is not None:
            self.tokens += tokens
            self.seconds += max(0.0, at - self._last)
        self._last = at

    def move(self) -> None:
        """Another instance goes on, with a clock of its own; the time in between is no time of generation."""
        self._last = None


class Paced(Protocol):
    """What a rate is reckoned from; `started` and `finished` on one monotonic clock, None until they come."""

    generated_tokens: int
    pace: TokenPace
    started: float | None
    finished: float | None


def token_rate(answer: Paced, now: float) -> float | None:
    """Generated tokens per second of one answer, None before its first token.

    The first delivery is left out with its tokens, since it also took the prompt. An answer that came in one delivery
    has no other pace than all of its tokens over all of its time. `now`: for one that is still being generated.
    """
    if answer.pace.tokens and answer.pace.seconds > 0:
        return answer.pace.tokens / answer.pace.seconds
    if not answer.generated_tokens or answer.started is None:
        return None
    elapsed = (now if answer.finished is None else answer.finished) - answer.started
    return answer.generated_tokens / elapsed if elapsed > 0 else None


def total_rate(answers: Sequence[Paced], now: float) -> float | None:
    """Of a request with several answers, which are generated beside each other: all tokens over all the time."""
    begun = [(each, each.started) for each in answers if each.started is not None and each.generated_tokens]
    if len(begun) < 2:
        return token_rate(begun[0][0], now) if begun else None
    end = max(now if each.finished is None else each.finished for each, _ in begun)
    elapsed = end - min(started for _, started in begun)
    return sum(each.generated_tokens for each, _ in begun) / elapsed if elapsed > 0 else None


def shown(rate: float | None) -> float | None:
    """As it is written down and shown, so that two places never differ in a digit."""
    return None if rate is None else round(rate, 1)

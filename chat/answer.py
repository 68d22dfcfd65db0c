"""The text layer of one answer: ids in, deltas of text, reasoning and tool calls out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from chat.deltas import Delta as Delta
from chat.deltas import TokenLogprob
from chat.detokenizer import Detokenizer
from chat.required_calls import RequiredCalls
from chat.sections import AnswerParser
from chat.stop_strings import StopStrings


@dataclass(frozen=True)
class TokenPieces:
    """What single tokens read as: their bytes, None for one that is not shown."""

    piece: Callable[[int], bytes | None]

    def logprobs(self, ids: Sequence[int], values: Sequence[float]) -> list[TokenLogprob]:
        pieces = [(self.piece(token), value) for token, value in zip(ids, values, strict=False)]
        return [TokenLogprob(piece, value) for piece, value in pieces if piece is not None]


class AnswerText:
    """Decodes, cuts at stop strings and sorts the answer into sections.

    With `pieces`, the logprobs that come with the ids are passed on, with the next delta there is. With
    `demanded` it consists of calls, as `RequiredCalls` has it.
    """

    def __init__(
        self,
        decode: Callable[[Sequence[int]], str],
        parser: AnswerParser,
        *,
        stop: Sequence[str],
        pieces: TokenPieces | None = None,
        demanded: bool = False,
    ) -> None:
        self._demanded = RequiredCalls() if demanded else None
        self._detokenizer = Detokenizer(decode)
        self._stops = StopStrings(stop)
        self._parser = parser
        self._pieces = pieces
        self._logprobs: list[TokenLogprob] = []

    @property
    def stopped(self) -> bool:
        """Whether a stop string was met, or a call comes again: nothing more will come."""
        return self._stops.matched is not None or (self._demanded is not None and self._demanded.ended)

    @property
    def stop_string(self) -> str | None:
        """The stop string that was met."""
        return self._stops.matched

    def push(self, ids: Sequence[int], logprobs: Sequence[float] | None = None) -> list[Delta]:
        if self._pieces is not None and logprobs:
            self._logprobs += self._pieces.logprobs(ids, logprobs)
        text = self._stops.push(self._detokenizer.push(ids))
        return self._with_logprobs(self._wanted(self._parser.push(text)))

    def finish(self) -> list[Delta]:
        """What was held back, after the last id."""
        rest = self._stops.push(self._detokenizer.finish()) + self._stops.finish()
        deltas = self._wanted([*self._parser.push(rest), *self._parser.finish()])
        if self._logprobs and not deltas:
            deltas = [Delta()]
        return self._with_logprobs(deltas)

    def _wanted(self, deltas: Iterable[Delta]) -> list[Delta]:
        return list(deltas if self._demanded is None else self._demanded.push(deltas))

    def _with_logprobs(self, deltas: list[Delta]) -> list[Delta]:
        if self._logprobs and deltas:
            deltas[0] = replace(deltas[0], logprobs=tuple(self._logprobs))
            self._logprobs = []
        return deltas

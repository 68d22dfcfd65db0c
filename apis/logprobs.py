"""Log probabilities on the wire. Of what is generated the engine tells those of the chosen tokens only."""

from collections.abc import Sequence
from typing import Any

from chat.deltas import TokenLogprob


def openai_logprobs(tokens: Sequence[TokenLogprob], *, top: int) -> list[dict[str, Any]]:
    """One entry a token. Its `top_logprobs`, where any are asked for, hold the chosen token alone."""
    entries = [_entry(token) for token in tokens]
    return [{**entry, "top_logprobs": [entry] if top else []} for entry in entries]


def ollama_logprobs(tokens: Sequence[TokenLogprob], *, top: int) -> list[dict[str, Any]]:
    """The same in Ollama's shape, which leaves `top_logprobs` away when none are asked for."""
    entries = [_entry(token) for token in tokens]
    return [{**entry, "top_logprobs": [entry]} if top else entry for entry in entries]


class TextLogprobs:
    """Those of a text that grows, in the shape of the older completions; `offset` is how many characters of it came
    before."""

    def __init__(self, *, offset: int, top: int) -> None:
        self._bytes = b""
        self._offset = offset
        self._top = top

    def push(self, tokens: Sequence[TokenLogprob]) -> dict[str, list[Any]] | None:
        """Of the newest tokens; None without any."""
        if not tokens:
            return None
        offsets: list[int] = []
        for token in tokens:
            offsets.append(self._offset + len(self._bytes.decode("utf-8", "ignore")))
            self._bytes += token.piece
        entries = [_entry(token) for token in tokens]
        return {
            "tokens": [entry["token"] for entry in entries],
            "token_logprobs": [entry["logprob"] for entry in entries],
            "top_logprobs": [_tops(token) if self._top else {} for token in tokens],
            "text_offset": offsets,
        }


def _tops(token: TokenLogprob) -> dict[str, float] | None:
    """By token; of two that read alike, as parts of characters do, the likelier. None for a prompt's first token."""
    if token.logprob is None:
        return None
    tops: dict[str, float] = {}
    for piece, value in (*token.top, (token.piece, token.logprob)):
        text = piece.decode("utf-8", "replace")
        tops[text] = max(value, tops.get(text, value))
    return tops


def _entry(token: TokenLogprob) -> dict[str, Any]:
    text = token.piece.decode("utf-8", "replace")
    return {"token": text, "logprob": token.logprob, "bytes": list(token.piece)}

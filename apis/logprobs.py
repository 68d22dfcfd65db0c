"""Log probabilities on the wire. The engine tells those of the chosen tokens only."""

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


def _entry(token: TokenLogprob) -> dict[str, Any]:
    text = token.piece.decode("utf-8", "replace")
    return {"token": text, "logprob": token.logprob, "bytes": list(token.piece)}

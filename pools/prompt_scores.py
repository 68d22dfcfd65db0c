"""A model's second kind of instance, which says how likely each token of a prompt is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from instances.protocol import Rows
from pools.served_model import ServedModel
from web.errors import InvalidRequest

_IDLE_SECONDS = 60.0
"""It stands beside the instances that answer; who evaluates a model asks again at once."""


@dataclass(frozen=True)
class TokenScore:
    """The natural logarithm of a token's probability, None for a prompt's first; `top` are the likeliest in its place
    with theirs."""

    token: int
    logprob: float | None
    top: tuple[tuple[int, float], ...]


def scoring_model(model: ServedModel) -> ServedModel:
    """`model` as its scoring instances are loaded. Raises `InvalidRequest` where there can be none."""
    reason = None
    if model.facts.vision:
        reason = "of a vision-language model"
    elif model.facts.kind == "gguf":
        reason = "of a GGUF file"
    elif model.on_npu:
        reason = "on an NPU"
    if reason:
        sentence = f"'{model.public_id}': log probabilities of a prompt (echo with logprobs) cannot be had {reason}."
        raise InvalidRequest(sentence, param="echo")
    assignment = model.assignment.model_copy(update={"preload_count": 0, "idle_timeout": _IDLE_SECONDS})
    return replace(model, assignment=assignment, scoring=True)


def read_scores(ids: Sequence[int], rows: Rows) -> list[TokenScore]:
    """What a scoring instance has answered of `ids`."""
    table = np.frombuffer(rows.data, dtype="<f8").reshape(len(ids), -1)
    scores: list[TokenScore] = []
    for token, row in zip(ids, table.tolist(), strict=True):
        known = not math.isnan(row[0])
        top = zip(map(int, row[1::2]), row[2::2], strict=True) if known else ()
        scores.append(TokenScore(token, row[0] if known else None, tuple(top)))
    return scores

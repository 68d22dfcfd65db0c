"""Which of the models that are served suits a purpose: the gateway's aliases `fast`, `best`, `code` and `embed`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

PURPOSES = ("fast", "best", "code", "embed")

_FOR_CODE = re.compile(
    r"(?:^|[-_./])(?:\w*(?<!de)(?<!en)coder?|codestral|devstral|codegemma|codellama|starcoder\d*)(?=$|[-_./\d])",
    re.IGNORECASE,
)
_ACTIVE = re.compile(r"(?:^|[-_])A(\d+(?:\.\d+)?)B(?=$|[-_])", re.IGNORECASE)
_AGENT_CONTEXT = 16_384
"""Tokens that coding agents need at least, see `clients.agents`."""
_DEMO = "demo/"


@dataclass(frozen=True)
class PurposeCandidate:
    """A served model. `parameters`, `size_bytes`: of its files; `context`: tokens on its device; each None or 0 where
    unknown."""

    id: str
    abilities: tuple[str, ...]
    size_bytes: int
    parameters: int | None = None
    context: int | None = None

    @property
    def step_bytes(self) -> float:
        """What is read for one token, which bounds how fast it answers: a mixture of experts reads those that it asks
        only, as many as its name says."""
        active = _ACTIVE.search(self.id)
        if active and self.parameters:
            return self.size_bytes * min(1.0, float(active[1]) * 1e9 / self.parameters)
        return self.size_bytes

    @property
    def power(self) -> tuple[int, int]:
        """Larger models answer better, by and large."""
        return (self.parameters or 0, self.size_bytes)


def by_purpose(candidates: Iterable[PurposeCandidate]) -> dict[str, str]:
    """Model IDs by purpose; a purpose that no model suits is left out. The demo stands in only where it is alone."""
    served = list({each.id: each for each in candidates}.values())
    served = [each for each in served if not each.id.startswith(_DEMO)] or served
    chatting = [each for each in served if "chat" in each.abilities]
    agents = [each for each in chatting if "tools" in each.abilities and (each.context or 0) >= _AGENT_CONTEXT]
    coders = [each for each in chatting if _FOR_CODE.search(each.id)]
    embedding = [each for each in served if "embedding" in each.abilities]
    found = {
        "fast": min(chatting, key=lambda each: (each.step_bytes, each.id), default=None),
        "best": _largest(chatting),
        "code": _largest([each for each in coders if each in agents]) or _largest(coders) or _largest(agents),
        "embed": _largest(embedding),
    }
    return {purpose: each.id for purpose, each in found.items() if each is not None}


def _largest(candidates: list[PurposeCandidate]) -> PurposeCandidate | None:
    return max(candidates, key=lambda each: each.power, default=None)

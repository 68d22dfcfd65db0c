"""Which instances have to go so that another one fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Candidate(Generic[T]):
    """Something that may be unloaded: what that frees (bytes) and when it was last used."""

    item: T
    size: int
    last_used: float


def choose_victims(candidates: Sequence[Candidate[T]], needed: int) -> list[Candidate[T]] | None:
    """What to unload so that `needed` bytes become free; None when all together are not enough.

    The least recently used ones, without those that a later, larger one makes unnecessary.
    """
    chosen: list[Candidate[T]] = []
    freed = 0
    for candidate in sorted(candidates, key=lambda candidate: candidate.last_used):
        if freed >= needed:
            break
        chosen.append(candidate)
        freed += candidate.size
    if freed < needed:
        return None
    for candidate in sorted(chosen, key=lambda candidate: candidate.last_used, reverse=True):
        if freed - candidate.size >= needed:
            chosen.remove(candidate)
            freed -= candidate.size
    return chosen

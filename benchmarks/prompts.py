"""Prompts that no cache knows yet."""

import random

_WORDS = (
    "server model token memory device answer question batch cache prompt driver kernel thread layer weight number "
    "graph tensor queue client stream budget engine worker port page table window river mountain garden letter"
)


def make_prompts(count: int, words: int, *, seed: str) -> list[str]:
    """`count` prompts of so many English words, the same for the same `seed`; already their first words differ."""
    vocabulary = _WORDS.split()
    source = random.Random(seed)
    return [" ".join(source.choices(vocabulary, k=words)) for _ in range(count)]

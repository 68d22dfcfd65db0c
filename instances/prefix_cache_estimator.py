"""How much of a prompt a pipeline's prefix cache had already, which the library does not tell."""

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

_WORTH_TELLING = 256
"""Tokens of a prompt, computed again."""
_MOST_OF_AN_ANSWER = 32
"""Tokens that one step takes for another request's answer at most, guessed ones included."""
_MOST_SEEN = 1 << 17
"""Blocks that are remembered, whether or not the cache still has them."""


@dataclass
class _Live:
    """A request under way: its tokens, the cache blocks it has, and how much of it the books show as reused. `seen`:
    how many of its tokens were computed at some time before; `others`: how many requests were under way beside it at
    most, `crowded`: one of them with a prompt of its own; `evicted` as `PrefixCacheEstimator.evicted`."""

    ids: list[int]
    blocks: int
    reused: int
    steps: int = 0
    computed: bool = False
    seen: int = 0
    others: int = 0
    crowded: bool = False
    evicted: int | None = None


class PrefixCacheEstimator:
    """Two ways to know, of which the one that knows more counts; both are on the safe side.

    By the books: what has been computed is there until the cache, of `capacity` blocks of `block_tokens`, has been
    filled once; in which order it is overwritten from then on cannot be foreseen. By the steps: one computes `chunk`
    tokens at most, so what it did not compute in those before the first token was there.
    """

    def __init__(self, capacity: int, block_tokens: int, chunk: int) -> None:
        self._capacity = capacity
        self._block_tokens = block_tokens
        self._chunk = chunk
        self._known: set[bytes] = set()
        self._seen: dict[bytes, None] = {}
        self._live: dict[int, _Live] = {}
        self._allocated = 0

    def begin(self, request_id: int, prompt_ids: Sequence[int]) -> None:
        """A request was handed to the pipeline."""
        live = _Live(list(prompt_ids), 0, 0)
        keys = list(self._keys(live.ids))
        live.blocks = sum(1 for _ in takewhile(self._known.__contains__, keys))
        live.reused = live.blocks * self._block_tokens
        live.seen = self._block_tokens * sum(1 for _ in takewhile(self._seen.__contains__, keys))
        self._live[request_id] = live
        self._grow(live)

    def step(self) -> None:
        """The pipeline did one step."""
        prompts = sum(not live.computed for live in self._live.values())
        for live in self._live.values():
            live.steps += 1
            live.others = max(live.others, len(self._live) - 1)
            live.crowded = live.crowded or prompts > 1

    def extend(self, request_id: int, ids: Sequence[int]) -> int | None:
        """Tokens came: by then the whole prompt has been computed. With the first of them, how much of it was there
        before: at least so many tokens, None where that is not known."""
        live = self._live.get(request_id)
        if live is None or not ids:
            return None
        cached = None if live.computed else self._cached(live)
        if not live.computed:
            live.evicted = self._missed(live)
            live.computed = True
            self._register(live.ids)
        live.ids += ids
        self._grow(live)
        return cached

    def evicted(self, request_id: int) -> int | None:
        """Once the first tokens have come: how much of the prompt had been computed before and had to be again, because
        other conversations needed the room; None where it was little, or cannot be told."""
        live = self._live.get(request_id)
        return live.evicted if live else None

    def end(self, request_id: int) -> None:
        """The request has ended, however."""
        live = self._live.pop(request_id, None)
        if live is not None and live.computed:
            self._register(live.ids[:-1])  # nothing was computed of the last token

    @property
    def _open(self) -> bool:
        """Whether the books hold: nothing can have been overwritten yet."""
        return self._allocated < self._capacity - 1

    def _cached(self, live: _Live) -> int | None:
        by_steps = len(live.ids) - live.steps * self._chunk
        if not self._open:
            return by_steps if by_steps > 0 else None
        return max(by_steps, min(live.reused, len(live.ids) - 1))  # the last token always is computed

    def _missed(self, live: _Live) -> int | None:
        """Each step but the last computed a whole chunk, less what other answers took of it."""
        a_step = self._chunk - live.others * _MOST_OF_AN_ANSWER
        if live.crowded or a_step <= 0:
            return None
        missed = live.seen - max(0, len(live.ids) - (live.steps - 1) * a_step - 1)
        return missed if missed >= _WORTH_TELLING and 2 * missed >= live.seen else None

    def _register(self, ids: Sequence[int]) -> None:
        self._seen.update(dict.fromkeys(self._keys(ids)))
        if len(self._seen) > _MOST_SEEN:
            self._seen = dict.fromkeys(list(self._seen)[-_MOST_SEEN // 2 :])
        if self._open:
            self._known.update(self._keys(ids))
        else:
            self._known.clear()

    def _grow(self, live: _Live) -> None:
        needed = -(-len(live.ids) // self._block_tokens)
        self._allocated += max(0, needed - live.blocks)
        live.blocks = max(live.blocks, needed)

    def _keys(self, ids: Sequence[int]) -> Iterator[bytes]:
        """One key for each full block, which stands for all tokens up to its end."""
        key = b""
        for end in range(self._block_tokens, len(ids) + 1, self._block_tokens):
            block = array("q", ids[end - self._block_tokens : end]).tobytes()
            key = hashlib.blake2b(key + block, digest_size=16).digest()
            yield key

"""The ledger of the prefix cache against the cache itself: steps tell how much of a prompt was really computed."""

import random
from pathlib import Path

import numpy as np
import openvino as ov
import openvino_genai as genai
import pytest

from instances.prefix_cache_estimator import PrefixCacheEstimator

MODEL = Path(__file__).parent.parent / "models" / "test_chat"
BLOCK = 32
CHUNK = 64
"""Tokens of a prompt that one step computes."""


class Cache:
    """A pipeline and its ledger; `blocks` is the size of the cache."""

    def __init__(self, blocks: int) -> None:
        scheduler = genai.SchedulerConfig()
        scheduler.num_kv_blocks = blocks
        scheduler.enable_prefix_caching = True
        scheduler.max_num_batched_tokens = CHUNK
        self.pipeline = genai.ContinuousBatchingPipeline(MODEL, scheduler, "CPU")
        self.ledger = PrefixCacheEstimator(blocks, BLOCK, CHUNK)
        self._next_id = 0
        self.evicted: int | None = None

    def ask(self, ids: list[int], answer: int = 4) -> tuple[int, int, list[int]]:
        """Tokens that the ledger says were there (0 for unknown), steps to the first token, the answer."""
        self._next_id += 1
        config = self.pipeline.get_config()
        config.max_new_tokens = answer
        config.ignore_eos = True
        handle = self.pipeline.add_request(self._next_id, ov.Tensor(np.array([ids])), config)
        self.ledger.begin(self._next_id, ids)
        cached = 0
        generated: list[int] = []
        steps = 0
        while handle.get_status() == genai.GenerationStatus.RUNNING:
            self.pipeline.step()
            self.ledger.step()
            steps += not generated
            if handle.can_read():
                tokens = next(iter(handle.read().values())).generated_ids
                cached = self.ledger.extend(self._next_id, tokens) or cached
                generated += tokens
                self.evicted = self.ledger.evicted(self._next_id)
        self.ledger.end(self._next_id)
        return cached, steps, generated


def test_a_second_turn_computes_only_what_is_new() -> None:
    cache = Cache(blocks=64)
    first = [3 + index % 200 for index in range(40 * BLOCK // 2)]
    cached, cold_steps, answer = cache.ask(first)
    assert (cached, cold_steps) == (0, len(first) // CHUNK)
    cached, warm_steps, _ = cache.ask([*first, *answer, *range(20, 40)])
    assert cached == len(first) // BLOCK * BLOCK
    assert warm_steps == 1


def test_a_prompt_that_is_there_whole_is_computed_at_its_end_only() -> None:
    cache = Cache(blocks=16)
    ids = list(range(3, 3 + 2 * BLOCK))
    cache.ask(ids)
    cached, steps, _ = cache.ask(ids)
    assert (cached, steps) == (2 * BLOCK - 1, 1)


@pytest.mark.parametrize("seed", range(3))
def test_the_ledger_never_says_too_much(seed: int) -> None:
    """Conversations that push one another out of a small cache."""
    chance = random.Random(seed)
    cache = Cache(blocks=24)
    conversations = [[chance.randrange(3, 250) for _ in range(40)] for _ in range(4)]
    said = 0
    for _ in range(60):
        index = chance.randrange(len(conversations))
        ids = conversations[index]
        cached, steps, answer = cache.ask(ids, answer=chance.randrange(2, 20))
        said += cached
        assert steps <= -(-(len(ids) - cached) // CHUNK), (len(ids), cached)
        grown = [*ids, *answer, *(chance.randrange(3, 250) for _ in range(chance.randrange(60)))]
        conversations[index] = grown if len(grown) < 18 * BLOCK else grown[:40]
    assert said > 0


def test_a_conversation_that_others_have_pushed_out_is_told_of() -> None:
    cache = Cache(blocks=24)
    mine, other = ([3 + (index * step) % 240 for index in range(15 * BLOCK)] for step in (1, 7))
    cache.ask(mine)
    assert cache.evicted is None  # it is new
    _, steps, answer = cache.ask(mine)
    assert (steps, cache.evicted) == (1, None)  # it is there
    cache.ask(other)
    assert cache.evicted is None  # new as well
    grown = [*mine, *answer, *range(20, 40)]
    _, steps, _ = cache.ask(grown)
    assert steps > 1
    computed = min(len(grown), steps * CHUNK)
    assert cache.evicted is not None
    assert len(mine) - (len(grown) - computed) - CHUNK <= cache.evicted <= len(mine)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_said_to_be_evicted_was_computed(seed: int) -> None:
    chance = random.Random(seed)
    cache = Cache(blocks=32)
    conversations = [[chance.randrange(3, 250) for _ in range(12 * BLOCK)] for _ in range(3)]
    said = 0
    for _ in range(30):
        index = chance.randrange(len(conversations))
        ids = conversations[index]
        _, steps, answer = cache.ask(ids, answer=4)
        if cache.evicted:
            said += 1
            assert cache.evicted <= steps * CHUNK
        grown = [*ids, *answer]
        conversations[index] = grown if len(grown) < 18 * BLOCK else grown[: 12 * BLOCK]
    assert said > 0

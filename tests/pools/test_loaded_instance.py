from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from instances.handle import Instance
from pools.loaded_instance import BLOCK_TOKENS, LoadedInstance, whole_blocks

CAPACITY = 64 * BLOCK_TOKENS


def make_loaded(capacity: int = CAPACITY, max_requests: int = 16) -> LoadedInstance:
    return LoadedInstance(1, cast(Instance, None), capacity, max_requests, 0.0, 0.0, 0.0, 300.0)


@given(st.integers(0, 10_000))
def test_whole_blocks_hold_the_tokens_and_waste_less_than_one(tokens: int) -> None:
    assert 0 <= whole_blocks(tokens) - tokens < BLOCK_TOKENS
    assert whole_blocks(tokens) % BLOCK_TOKENS == 0


@given(st.lists(st.integers(1, CAPACITY), max_size=40))
def test_admitted_requests_never_hold_more_than_the_cache(requests: list[int]) -> None:
    loaded = make_loaded()
    for tokens in requests:
        if loaded.has_room(tokens):
            loaded.reserve(tokens)
    assert loaded.reserved_tokens <= CAPACITY
    assert loaded.active <= loaded.max_requests


@given(st.lists(st.integers(1, 200), min_size=2, max_size=16), st.data())
def test_growing_requests_push_out_the_youngest_and_never_the_oldest(starts: list[int], data: st.DataObject) -> None:
    loaded = make_loaded()
    asked: list[int] = []
    lengths: dict[int, int] = {}
    for number, tokens in enumerate(starts):
        if loaded.has_room(tokens):
            reservation = loaded.reserve(tokens)
            reservation.on_preempted = lambda number=number: asked.append(number)
            lengths[id(reservation)] = tokens
    oldest = loaded.reservations[0]
    for _ in range(data.draw(st.integers(1, 60))):
        growing = [reservation for reservation in loaded.reservations if not reservation.preempted]
        reservation = data.draw(st.sampled_from(growing))
        lengths[id(reservation)] = min(CAPACITY - BLOCK_TOKENS, lengths[id(reservation)] + 100)
        reservation.cover(lengths[id(reservation)])
        staying = [each for each in loaded.reservations if not each.preempted]
        assert not oldest.preempted
        assert len(staying) == 1 or sum(each.tokens for each in staying) <= CAPACITY
    assert asked == sorted(asked, reverse=True)


def test_a_request_that_cannot_go_on_elsewhere_is_left_alone() -> None:
    loaded = make_loaded(capacity=4 * BLOCK_TOKENS)
    growing, bound = loaded.reserve(BLOCK_TOKENS), loaded.reserve(BLOCK_TOKENS)
    growing.on_preempted = lambda: None
    growing.cover(3 * BLOCK_TOKENS)
    assert not bound.preempted


def test_a_request_alone_always_has_room() -> None:
    assert make_loaded().has_room(10 * CAPACITY)

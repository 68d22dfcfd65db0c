"""How texts are shared out: nothing lost, sorted ones stay so, long ones in small slices."""

from hypothesis import given
from hypothesis import strategies as st

from embeddings.service import SLICE_TEXTS, _slices


@given(st.lists(st.integers(1, 3000), max_size=200))
def test_slices_hold_every_text_in_order_and_are_bounded(lengths: list[int]) -> None:
    texts = ["x" * length for length in sorted(lengths)]
    slices = _slices([*texts])
    assert [text for part in slices for text in part] == texts
    for part in slices:
        assert len(part) <= SLICE_TEXTS or (len(part) <= 64 and len(part) * len(part[-1]) <= 16_384)


def test_short_texts_share_a_slice() -> None:
    assert [len(part) for part in _slices(["short"] * 100)] == [64, 36]

"""Text in pieces must be the text as a whole, however the tokens come."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from chat.detokenizer import Detokenizer

MODEL = Path(__file__).parent.parent / "models" / "test_chat"  # each of its tokens is a byte
TOKENIZER = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
CHARACTERS = st.text(alphabet=st.sampled_from("a \n中文é👩‍💻🇹🇼"), min_size=1, max_size=40)


def decode(ids: Sequence[int]) -> str:
    return TOKENIZER.decode(list(ids))


@given(CHARACTERS, st.lists(st.integers(1, 9), min_size=1))
def test_pieces_add_up_to_the_whole(text: str, sizes: list[int]) -> None:
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids
    detokenizer = Detokenizer(decode)
    pieces: list[str] = []
    at = 0
    while at < len(ids):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(detokenizer.push(ids[at : at + size]))
        at += size
    assert "".join(pieces) + detokenizer.finish() == decode(ids)


def test_a_character_comes_with_its_last_byte() -> None:
    ids = TOKENIZER.encode("中", add_special_tokens=False).ids
    assert len(ids) == 3
    detokenizer = Detokenizer(decode)
    assert [detokenizer.push([token]) for token in ids] == ["", "", "中"]


def test_an_unfinished_character_is_left_out_at_the_end() -> None:
    ids = TOKENIZER.encode("a中", add_special_tokens=False).ids
    detokenizer = Detokenizer(decode)
    assert detokenizer.push(ids[:-1]) + detokenizer.finish() == "a"


@pytest.mark.parametrize("count", [1, 8, 9, 100])
def test_the_work_for_a_token_does_not_grow_with_the_answer(count: int) -> None:
    longest = 0

    def measured(ids: Sequence[int]) -> str:
        nonlocal longest
        longest = max(longest, len(ids))
        return decode(ids)

    detokenizer = Detokenizer(measured)
    for token in TOKENIZER.encode("a" * count, add_special_tokens=False).ids:
        detokenizer.push([token])
    assert longest <= 16

"""A text is spoken whole, in pieces that a model can take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.sentences import sentences


def test_sentences_of_several_languages() -> None:
    assert sentences("Hello there. How are you?\n你好。今天好嗎？好") == [
        "Hello there.",
        "How are you?",
        "你好。",
        "今天好嗎？",
        "好",
    ]


def test_a_number_is_no_end() -> None:
    assert sentences("It is 3.5 degrees.") == ["It is 3.5 degrees."]


@given(st.text(max_size=2000))
def test_nothing_but_white_space_is_lost(text: str) -> None:
    pieces = sentences(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(piece and len(piece) <= 300 for piece in pieces)

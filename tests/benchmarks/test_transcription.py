"""How words are compared when speech recognition is measured."""

import pytest

from benchmarks.measurements.transcription import word_error_rate, words_of


def test_words_are_without_case_and_punctuation() -> None:
    assert words_of(" It's a half-open\nWindow, he said: “12”.") == [
        "it's",
        "a",
        "half",
        "open",
        "window",
        "he",
        "said",
        "12",
    ]


@pytest.mark.parametrize(
    ("heard", "errors"), [("a b c d", 0), ("a b d", 1), ("a b x c d", 1), ("a x c d", 1), ("", 4), ("d c b a", 4)]
)
def test_every_word_too_many_too_few_or_wrong_is_an_error(heard: str, errors: int) -> None:
    assert word_error_rate(["a", "b", "c", "d"], heard.split()) == errors / 4

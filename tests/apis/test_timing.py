from types import SimpleNamespace
from typing import cast

import pytest

from apis.timing import waiting_comment
from chat.completion import Completion
from pools.statistics import Timings


def completions(*places: int | None) -> list[Completion]:
    """One for each place in the queue, None for one that runs."""
    timings = [Timings(0.0, queue_position=None if place is None else lambda place=place: place) for place in places]
    return [cast(Completion, SimpleNamespace(timings=each)) for each in timings]


@pytest.mark.parametrize(
    ("places", "comment"),
    [
        ((3,), b": waiting, number 3 in the queue\n\n"),
        ((2, None, 5), b": waiting, number 5 in the queue\n\n"),
        ((None,), b""),
        ((0,), b""),
    ],
)
def test_who_waits_is_told_its_place(places: tuple[int | None, ...], comment: bytes) -> None:
    assert waiting_comment(completions(*places)) == comment

"""A long recording is cut where no word is lost."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instances.transcription import SAMPLE_RATE, TimedText, Transcript
from media.windows import WINDOW, understood, window_end
from tests.media.sounds import tone


@given(st.floats(20.5, 29.0), st.integers(0, 5))
def test_a_window_ends_in_the_pause(seconds: float, start: int) -> None:
    samples = np.concatenate([np.zeros(start * SAMPLE_RATE, np.int16), tone(40)])
    first = start * SAMPLE_RATE + int(seconds * SAMPLE_RATE)
    samples[first : first + SAMPLE_RATE // 2] = 0
    end = window_end(samples, start * SAMPLE_RATE, at_pause=True)
    assert first <= end <= first + SAMPLE_RATE // 2
    assert end - start * SAMPLE_RATE <= WINDOW


def test_a_short_recording_is_one_window() -> None:
    assert window_end(tone(3), 0, at_pause=True) == 3 * SAMPLE_RATE


def _heard(*ends: float) -> Transcript:
    starts = (0.0, *ends[:-1])
    segments = [TimedText(start, end, f" {end}") for start, end in zip(starts, ends, strict=True)]
    words = [TimedText(start, (start + end) / 2, f" {end}") for start, end in zip(starts, ends, strict=True)]
    return Transcript("".join(each.text for each in segments), "en", segments, words)


def test_a_sentence_that_the_window_cuts_off_is_left_to_the_next() -> None:
    found = understood(_heard(10.0, 26.1, 30.1), WINDOW)
    assert found is not None
    transcript, samples = found
    assert (transcript.text, samples) == (" 10.0 26.1", round(26.1 * SAMPLE_RATE))
    assert len(transcript.words) == 2


def test_a_window_goes_on_where_its_last_sentence_ended() -> None:
    found = understood(_heard(10.0, 26.1), WINDOW)
    assert found == (_heard(10.0, 26.1), round(26.1 * SAMPLE_RATE))


def test_one_endless_sentence_cannot_be_told() -> None:
    assert understood(_heard(30.1), WINDOW) is None


def test_silence_is_understood_as_a_whole() -> None:
    assert understood(Transcript("", "en", [], []), WINDOW) == (Transcript("", "en", [], []), WINDOW)


@given(st.lists(st.floats(0.1, 31.0), min_size=1, max_size=12, unique=True))
def test_every_window_brings_the_next_one_on(ends: list[float]) -> None:
    found = understood(_heard(*sorted(ends)), WINDOW)
    assert found is None or 0 < found[1] <= WINDOW

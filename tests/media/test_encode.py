"""What is spoken becomes a file that can be decoded, as a whole and piece by piece."""

from __future__ import annotations

import io
import wave
from typing import get_args

import numpy as np
import pytest

from media.decode import decoded
from media.encode import PCM_RATE, AudioFormat, encoder, whole
from tests.media.sounds import RATE, tone

SPOKEN = (tone(1.5) / 32767).astype(np.float32)


@pytest.mark.parametrize("form", get_args(AudioFormat))
@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_a_file_is_what_was_spoken(form: AudioFormat, rate: int) -> None:
    made = encoder(form, rate)
    data = b"".join([*(made.push(part) for part in (SPOKEN[:9000], SPOKEN[9000:9001], SPOKEN[9001:])), made.finish()])
    seconds = len(SPOKEN) / rate
    if form == "pcm":
        assert len(data) / 2 / PCM_RATE == pytest.approx(seconds, abs=0.02)
        return
    assert len(decoded(data, RATE)) / RATE == pytest.approx(seconds, abs=0.15)


def test_a_whole_wav_says_how_long_it_is() -> None:
    with wave.open(io.BytesIO(whole("wav", RATE, SPOKEN))) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels()) == (len(SPOKEN), RATE, 1)


def test_too_loud_is_cut_off_and_does_not_turn_over() -> None:
    data = whole("wav", RATE, np.array([2.0, -2.0, 0.0], np.float32))[44:]
    assert np.frombuffer(data, "<i2").tolist() == [32767, -32767, 0]

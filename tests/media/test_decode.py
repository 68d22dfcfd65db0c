"""Any usual audio file becomes samples; anything else a clear refusal."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.decode import UnusableAudio, decoded
from tests.media.sounds import CODECS, RATE, file_of, tone, wav

FILES = {container: file_of(container, tone(1.0)) for container in CODECS}


@pytest.mark.parametrize("container", CODECS)
def test_every_usual_format_is_decoded(container: str) -> None:
    samples = decoded(FILES[container], RATE)
    assert samples.dtype == np.int16
    assert len(samples) == pytest.approx(RATE, rel=0.15)  # codecs pad with what they look ahead
    spectrum = np.abs(np.fft.rfft(samples[: RATE // 2].astype(float)))
    assert np.argmax(spectrum) * 2 == pytest.approx(440, abs=4)


def test_another_rate_and_two_channels_become_one_at_the_wanted_rate() -> None:
    samples = decoded(wav(tone(1.0)[::2], rate=8000), RATE)
    assert len(samples) == pytest.approx(RATE, abs=200)


@pytest.mark.parametrize("container", ["flac", "ogg", "webm", "wav"])
def test_a_small_file_that_unpacks_to_hours_is_refused(container: str) -> None:
    silence = file_of(container, np.zeros(RATE * 30, np.int16))
    with pytest.raises(UnusableAudio, match="longer than"):
        decoded(silence, RATE, max_seconds=20)


def test_a_declared_length_is_not_believed() -> None:
    data = bytearray(wav(tone(0.5)))
    data[40:44] = (0xFFFFFFF0).to_bytes(4, "little")
    assert len(decoded(bytes(data), RATE)) == RATE // 2


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"\xff", b"hello" * 100, b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", b"ffconcat version 1.0\nfile x\n"],
    ids=["nothing", "a byte", "half a mark", "text", "a playlist", "a list of files"],
)
def test_what_is_no_audio_is_refused(data: bytes) -> None:
    with pytest.raises(UnusableAudio):
        decoded(data, RATE)


def test_an_unknown_codec_is_said() -> None:
    data = bytearray(wav(tone(0.5)))
    data[20:22] = b"\x77\x77"  # the format's number
    with pytest.raises(UnusableAudio, match="codec is not known"):
        decoded(bytes(data), RATE)


@given(container=st.sampled_from(sorted(CODECS)), data=st.data())
def test_a_damaged_file_is_heard_or_refused(container: str, data: st.DataObject) -> None:
    whole = bytearray(FILES[container])
    for _ in range(data.draw(st.integers(0, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    with suppress(UnusableAudio):
        assert len(decoded(bytes(whole[:cut]), RATE, max_seconds=60)) > 0

"""A short video becomes frames; anything else a clear refusal."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.image_tokens import _VIDEO_COSTS
from chat.videos import MAX_FRAMES, MAX_SECONDS, UnusableVideo, is_video, read_video
from instances.protocol import Video
from model_files.model_facts import _TAKING_VIDEO
from tests.media.clips import BLUE, CODECS, GREEN, RED, clip, turned
from tests.media.sounds import file_of, tone

FILES = {container: clip(*[RED] * 8, *[BLUE] * 8, container=container) for container in CODECS}


def colours(video: Video) -> list[str]:
    frames = np.frombuffer(video.pixels, np.uint8).reshape(video.frames, video.height, video.width, 3)
    return ["RGB"[int(frame.mean(axis=(0, 1)).argmax())] for frame in frames]


@pytest.mark.parametrize("container", CODECS)
def test_every_usual_format_is_read(container: str) -> None:
    video = read_video(FILES[container])
    assert (video.width, video.height) == (96, 64)
    assert colours(video) == [*"RRRRBBBB"]
    assert video.fps == pytest.approx(2.0)


@pytest.mark.parametrize("seconds", [1, 15, 17, 40, 110])
def test_a_longer_clip_has_frames_further_apart(seconds: int) -> None:
    video = read_video(clip(*[RED, GREEN] * (2 * seconds), size=(32, 32)))
    assert MAX_FRAMES // 2 <= video.frames <= MAX_FRAMES or video.frames == 2 * seconds
    assert video.frames / video.fps == pytest.approx(seconds, rel=0.15)


def test_after_a_gap_frames_are_not_made_up_for() -> None:
    video = read_video(clip(*[RED] * 4, *[BLUE] * 8, pauses={4: 60}))
    assert colours(video) == [*"RRBBBB"]


def test_one_frame_is_a_clip_too() -> None:
    video = read_video(clip(GREEN))
    assert (colours(video), video.fps) == (["G"], 2.0)


def test_frames_are_no_larger_than_models_make_use_of() -> None:
    video = read_video(clip(RED, RED, size=(1280, 720)))
    assert (video.width, video.height) == (512, 288)


def test_a_clip_that_was_taken_upright_stands_upright() -> None:
    video = read_video(turned(clip(RED, RED)))
    assert (video.width, video.height) == (64, 96)


def test_a_clip_that_is_too_long_is_refused_whatever_it_declares() -> None:
    data = bytearray(clip(*[RED] * (MAX_SECONDS + 2), fps=1, size=(32, 32)))
    for name in (b"mvhd", b"tkhd", b"mdhd"):
        at = data.index(name)
        data[at + 20 : at + 28] = bytes(8)
    with pytest.raises(UnusableVideo, match=f"longer than {MAX_SECONDS} seconds|no frames"):
        read_video(bytes(data))
    with pytest.raises(UnusableVideo, match=f"longer than {MAX_SECONDS} seconds"):
        read_video(clip(*[RED] * (MAX_SECONDS + 2), fps=1, size=(32, 32), container="webm"))


@pytest.mark.parametrize(
    ("limit", "reason"), [("_MAX_PIXELS", "million pixels"), ("_MAX_DECODED_PIXELS", "million pixels together")]
)
def test_too_many_pixels_are_refused(monkeypatch: pytest.MonkeyPatch, limit: str, reason: str) -> None:
    monkeypatch.setattr(f"chat.videos.{limit}", 96 * 64 - 1)
    with pytest.raises(UnusableVideo, match=reason):
        read_video(FILES["mp4"])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no readable video"),
        (b"GIF89a" + bytes(50), "no readable video"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "no readable video"),
        (file_of("ipod", tone(1.0)), "only sound"),
        (FILES["mp4"].replace(b"avc1", b"none"), "codec is not known"),
        (FILES["mp4"][:40], "cannot be decoded"),
        (FILES["webm"][:40], "cannot be decoded|no pictures"),
    ],
    ids=["nothing", "an animation", "a playlist", "sound", "an unknown codec", "half an mp4", "half a webm"],
)
def test_what_is_no_video_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnusableVideo, match=reason):
        read_video(data)


@given(container=st.sampled_from(sorted(CODECS)), data=st.data())
def test_a_damaged_file_is_seen_or_refused(container: str, data: st.DataObject) -> None:
    whole = bytearray(FILES[container])
    for _ in range(data.draw(st.integers(0, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    with suppress(UnusableVideo):
        video = read_video(bytes(whole[:cut]))
        assert len(video.pixels) == 3 * video.width * video.height * video.frames > 0


def test_videos_are_told_from_images() -> None:
    assert all(is_video(data) for data in FILES.values())
    assert not is_video(b"\x89PNG\r\n\x1a\n" + bytes(20))


def test_the_cost_of_every_model_that_takes_videos_is_known() -> None:
    assert _VIDEO_COSTS.keys() == _TAKING_VIDEO

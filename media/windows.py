"""Where a long recording is cut, so that no word is lost at the cuts."""

from __future__ import annotations

import numpy as np

from instances.transcription import SAMPLE_RATE, WINDOW_SECONDS, Transcript
from media.decode import Samples

WINDOW = WINDOW_SECONDS * SAMPLE_RATE
_FRAME = SAMPLE_RATE // 50
_LEAST = SAMPLE_RATE // 10
"""Less at the end of a recording is no word."""
_SEARCHED = WINDOW // 3
"""How much of a window's end is searched for a pause."""
_PAUSE = 10
"""Frames of which the quietest row is cut through: 0.2 s, a short pause between words."""


def window_end(samples: Samples, start: int, *, at_pause: bool, windows: int = 1) -> int:
    """Where the piece that begins at `start` ends: as late as it may after so many `windows`, or `at_pause` in the
    quietest place of the last third, where what comes after has to be understood by itself."""
    end = min(len(samples), start + windows * WINDOW)
    if not at_pause or end == len(samples):
        return end
    return quietest(samples, end - _SEARCHED, end)


def quietest(samples: Samples, start: int, end: int) -> int:
    """The middle of the quietest fifth of a second between two places, the last of several alike."""
    frames = (end - start) // _FRAME
    piece = samples[start : start + frames * _FRAME].reshape(frames, _FRAME).astype(np.float64)
    loudness = np.convolve(np.square(piece).mean(axis=1), np.ones(_PAUSE) / _PAUSE, mode="valid")
    last_quietest = len(loudness) - 1 - int(np.argmin(loudness[::-1]))
    return start + (last_quietest + _PAUSE // 2) * _FRAME


def is_over(samples: Samples, start: int) -> bool:
    return len(samples) - start < _LEAST


def understood(transcript: Transcript, window: int) -> tuple[Transcript, int] | None:
    """What of a window is understood for good when more follows it, and how many of its samples that takes. The last
    sentence may be cut off by the window's end: then it is left to the next one, which hears it whole. None of a
    window that is one such sentence."""
    segments = transcript.segments
    if not segments:
        return transcript, window
    last = segments[-1]
    if round(last.end * SAMPLE_RATE) < window:
        return transcript, max(round(last.end * SAMPLE_RATE), _LEAST)
    beginning = min(round(last.start * SAMPLE_RATE), window)
    if len(segments) == 1 or beginning < _LEAST:
        return None
    kept = segments[:-1]
    words = [word for word in transcript.words if (word.start + word.end) / 2 < last.start]
    text = "".join(segment.text for segment in kept)
    return Transcript(text, transcript.language, kept, words), beginning

"""Subtitles in the two usual forms: SubRip (.srt) and WebVTT (W3C)."""

from collections.abc import Sequence

from instances.transcription import TimedText


def srt(segments: Sequence[TimedText]) -> str:
    return "\n".join(
        f"{number}\n{_time(each.start, ',')} --> {_time(each.end, ',')}\n{_line(each.text)}\n"
        for number, each in enumerate(segments, 1)
    )


def vtt(segments: Sequence[TimedText]) -> str:
    cues = "\n".join(f"{_time(each.start, '.')} --> {_time(each.end, '.')}\n{_line(each.text)}\n" for each in segments)
    return f"WEBVTT\n\n{cues}"


def _time(seconds: float, point: str) -> str:
    whole = max(0, round(seconds * 1000))
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}{point}{whole % 1000:03}"


def _line(text: str) -> str:
    """An arrow or an empty line would end a cue."""
    return " ".join(text.replace("-->", "->").split())

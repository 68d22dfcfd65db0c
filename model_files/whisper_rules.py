"""What OpenVINO GenAI needs to know of a Whisper model beside its weights."""

from __future__ import annotations

from pathlib import Path

from model_files.model_config import read_json
from notices import Notice


def languages_problem(directory: Path) -> str | None:
    """Older conversions leave the ids of the languages out of generation_config.json; the library asks for them at the
    first transcript, in words of C++."""
    try:
        config = read_json(directory / "generation_config.json")
    except (OSError, ValueError):
        return Notice("notices.whisper_languages")
    if config.get("is_multilingual") is False or config.get("lang_to_id"):
        return None
    return Notice("notices.whisper_languages")

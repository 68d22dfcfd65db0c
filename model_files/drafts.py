"""Models that draft tokens for another one, as they lie in its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from model_files.model_config import read_json

_MAX_DRAFTED_TOKENS = 16
_MAX_TOKENIZER_BYTES = 256 * 1024 * 1024  # Gemma's have 33 MB
_MODEL = "openvino_model.xml"


def own_drafts(directory: Path) -> list[Path]:
    """Folders in a language model's folder that hold a model of their own, as OpenVINO Model Server's export lays a
    draft; pipelines of several models keep their parts so too, but have none beside them."""
    if not (directory / _MODEL).is_file():
        return []
    return sorted(path.parent for path in directory.glob(f"*/{_MODEL}") if path.parent.name != ".cache")


def proposed_tokens(directory: Path) -> int | None:
    """How many tokens a draft is meant to predict at a time, as Transformers reads it from the draft's
    generation_config.json; None where that says nothing usable."""
    try:
        tokens = read_json(directory / "generation_config.json").get("num_assistant_tokens")
    except (OSError, ValueError):
        return None
    return min(tokens, _MAX_DRAFTED_TOKENS) if type(tokens) is int and tokens > 0 else None


def tokenizers_differ(one: Path, other: Path) -> bool:
    """Whether the files say that two models count their tokens differently; the library compares little more than the
    number of tokens in one sentence. Raises OSError and ValueError."""
    vocabularies = [_vocabulary(directory) for directory in (one, other)]
    if all(vocabularies):
        return vocabularies[0] != vocabularies[1]
    sizes = [read_json(directory / "config.json").get("vocab_size") for directory in (one, other)]
    return None not in sizes and sizes[0] != sizes[1]


def _vocabulary(directory: Path) -> Any:
    path = directory / "tokenizer.json"
    model = read_json(path, _MAX_TOKENIZER_BYTES).get("model") if path.is_file() else None
    return model.get("vocab") if isinstance(model, dict) else None

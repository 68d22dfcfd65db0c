"""Models that draft tokens for another one, as they lie in its own folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from notices import Notice

_MODEL = "openvino_model.xml"


def own_drafts(directory: Path) -> list[Path]:
    """Folders in a language model's folder that hold a model of their own, as OpenVINO Model Server's export lays a
    draft; pipelines of several models keep their parts so too, but have none beside them."""
    if not (directory / _MODEL).is_file():
        return []
    return sorted(path.parent for path in directory.glob(f"*/{_MODEL}") if path.parent.name != ".cache")


def tokenizers_differ(one: Path, other: Path) -> bool:
    """Whether the files say that two models count their tokens differently; the library compares little more than the
    number of tokens in one sentence. Raises OSError and ValueError."""
    vocabularies = [_vocabulary(directory) for directory in (one, other)]
    if all(vocabularies):
        return vocabularies[0] != vocabularies[1]
    sizes = [_read(directory / "config.json").get("vocab_size") for directory in (one, other)]
    return None not in sizes and sizes[0] != sizes[1]


def _vocabulary(directory: Path) -> Any:
    path = directory / "tokenizer.json"
    model = _read(path).get("model") if path.is_file() else None
    return model.get("vocab") if isinstance(model, dict) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(Notice("notices.json_invalid", file=path.name, error=error)) from error
    if not isinstance(content, dict):
        raise ValueError(Notice("notices.json_no_object", file=path.name))
    return content

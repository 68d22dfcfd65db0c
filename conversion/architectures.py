"""Which architectures the pinned optimum-intel exports, by task; tests/real holds the table against the package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, get_args

ConversionTask = Literal["text", "vision", "embedding", "reranker", "speech"]

_TABLE: dict[str, list[str]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
_TASKS: tuple[ConversionTask, ...] = get_args(ConversionTask)
ARCHITECTURES = {task: frozenset(_TABLE[task]) for task in _TASKS}
"""`model_type` of config.json, with hyphens, of what is served here too."""
CODE_IN_REPOSITORY = frozenset(_TABLE["code_in_repository"])
"""Those that transformers does not have: they come with code of their own."""


def normalized(model_type: str) -> str:
    return model_type.replace("_", "-").lower()

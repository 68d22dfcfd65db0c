"""Which files of a repository a conversion starts from: safetensors and what describes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from notices import Notice
from registry.errors import NotAnOpenVINOModel
from registry.files import RemoteFile
from registry.names import METADATA

_DESCRIPTIONS = {".json", ".jinja", ".txt", ".md", ".model", ".tiktoken"}
_TEXT_NAMES = ("license", "notice", "use_policy")
_MODULE = re.compile(r"\d+_\w+")
"""A folder of sentence-transformers, like 1_Pooling."""
_ADAPTER = "adapter_model.safetensors"


def description_files(files: Iterable[RemoteFile]) -> list[RemoteFile]:
    """Everything small: configuration, tokenizer, card."""
    return _sorted(file for file in files if _describes(PurePosixPath(file.path)))


def source_files(files: Iterable[RemoteFile], model_id: str, *, code: bool = False) -> list[RemoteFile]:
    """The description and the weights. `code`: Python files too. Never pickled weights, whose loading can run code.

    Raises NotAnOpenVINOModel where there are no safetensors.
    """
    everything = list(files)
    weights = weight_files(everything)
    if not weights:
        raise NotAnOpenVINOModel(Notice("notices.no_safetensors", model=model_id))
    scripts = [file for file in everything if code and file.path.endswith(".py") and "/" not in file.path]
    return _sorted([*description_files(everything), *weights, *scripts])


def weight_files(files: Iterable[RemoteFile]) -> list[RemoteFile]:
    """The safetensors of a model, or of an adapter; not a second copy in another layout (consolidated.safetensors)."""
    found = [file for file in files if file.path.endswith(".safetensors")]
    root = [file for file in found if "/" not in file.path and file.path != _ADAPTER]
    named = [file for file in root if file.path.startswith(("model", "pytorch_model"))]
    chosen = named or [file for file in root if not file.path.startswith("consolidated")]
    if not root:
        return [file for file in found if file.path == _ADAPTER]
    return [*chosen, *(file for file in found if _in_module(PurePosixPath(file.path)))]


def _describes(path: PurePosixPath) -> bool:
    if path.name.startswith(".") or str(path).casefold() == METADATA:
        return False
    if len(path.parts) == 2 and path.parts[0] != "additional_chat_templates" and not _in_module(path):
        return False
    return len(path.parts) <= 2 and (path.suffix.lower() in _DESCRIPTIONS or path.name.lower().startswith(_TEXT_NAMES))


def _in_module(path: PurePosixPath) -> bool:
    return len(path.parts) == 2 and _MODULE.fullmatch(path.parts[0]) is not None


def _sorted(files: Iterable[RemoteFile]) -> list[RemoteFile]:
    return sorted(files, key=lambda file: (file.size, file.path))

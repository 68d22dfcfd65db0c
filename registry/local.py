"""The models that lie on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError

from model_files.facts import ModelFacts
from model_files.model_config import read_json
from model_files.model_facts import FactsCache, read_facts
from model_files.model_kind import UNFINISHED
from notices import as_text
from registry.errors import InvalidModelName
from registry.names import METADATA, check_model_id, id_of_directory

_WEIGHTS = (
    *("openvino*.xml", "openvino*.bin", "*.gguf", "model_index.json", "adapter_config.json"),
    *("*.safetensors", "*.onnx", "onnx/*.onnx", "pytorch_model*.bin", "*.pt", "*.pth", "*.h5"),
    *(f"*{ending}" for ending in UNFINISHED),
)


class ModelMetadata(BaseModel):
    """metadata.json. A model has downloaded_at or imported_at. files: the commit's files with sizes and hashes, to
    check them again. reference: the folder or file of a model that was imported without copying. converted: from what
    and how this machine made it. Unknown keys are kept.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model_id: str
    revision: str | None = None
    commit: str | None = None
    downloaded_at: str | None = None
    imported_at: str | None = None
    source: str | None = None
    license: str | None = None
    reference: str | None = None
    variant: str | None = None
    converted: dict[str, Any] | None = None
    files: list[dict[str, Any]] = []


@dataclass(frozen=True)
class LocalModel:
    """path: where its files lie. entry: what stands for it in the models directory, another place for a reference.

    complete: whole as far as its files show; whether it can be used, its facts tell. bundled: part of this program, not
    to be removed.
    """

    id: str
    path: Path
    metadata: ModelMetadata | None
    facts: ModelFacts
    entry: Path
    bundled: bool = False

    @property
    def complete(self) -> bool:
        return self.facts.state != "damaged"

    def described(self) -> dict[str, Any]:
        """What every list of models says of one, whoever lists."""
        facts, metadata = self.facts, self.metadata or ModelMetadata(model_id=self.id)
        return {
            "id": self.id,
            "kind": facts.kind,
            "size_bytes": facts.size_bytes,
            "quantization": facts.quantization,
            "context_length": facts.context_length,
            "parameters": facts.parameters,
            "architecture": facts.architecture,
            "revision": metadata.revision,
            "commit": metadata.commit,
            "downloaded_at": metadata.downloaded_at,
            "imported_at": metadata.imported_at,
            "converted": metadata.converted,
            "license": metadata.license or facts.license,
            "tools": facts.tools,
            "thinking": facts.thinking,
            "vision": facts.vision,
            "abilities": facts.abilities,
            "embedding": facts.embedding,
            "complete": self.complete,
            "state": facts.state,
            "bundled": self.bundled,
            "problem": facts.problem,
            "npu_problem": facts.npu_problem,
            "warnings": facts.warnings,
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.id,
            "path": str(self.path),
            "metadata": self.metadata.model_dump(exclude={"files"}) if self.metadata else None,
            "facts": msgspec.to_builtins(self.facts, enc_hook=as_text),
            "complete": self.complete,
            "state": self.facts.state,
            "bundled": self.bundled,
        }


def read_metadata(directory: Path) -> ModelMetadata | None:
    """None where there is none, or none that can be read."""
    try:
        metadata = ModelMetadata.model_validate(read_json(directory / METADATA))
    except (OSError, ValueError, ValidationError):
        return None
    if metadata.imported_at is None and (metadata.source or "").startswith("folder "):  # as it was written before
        return metadata.model_copy(update={"imported_at": metadata.downloaded_at, "downloaded_at": None})
    return metadata


def list_models(models_dir: Path, bundled: Sequence[Path], cache: FactsCache) -> list[LocalModel]:
    """Every model below models_dir and the bundled ones, in the order of their ids. Each id comes once."""
    found: dict[str, LocalModel] = {}
    own = [path.resolve() for path in bundled]
    for directory in [*bundled, *_model_directories(models_dir)]:
        if directory.is_dir():
            model = _read_model(directory, cache, bundled=directory.resolve() in own)
            found.setdefault(model.id, model)
    return sorted(found.values(), key=lambda model: model.id.casefold())


def _model_directories(models_dir: Path) -> Iterator[Path]:
    """models/<org>_<name>, and models/<org>/<name> as `git clone` leaves it. Hidden ones are unfinished or deleted."""
    for directory in _subdirectories(models_dir):
        if any(directory.glob(METADATA)) or _holds_weights(directory):
            yield directory
        else:
            yield from (inner for inner in _subdirectories(directory) if _holds_weights(inner))


def _subdirectories(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    root = directory.resolve()
    entries = [entry for entry in directory.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    return sorted(entry for entry in entries if root in entry.resolve().parents)


def _holds_weights(directory: Path) -> bool:
    return any(next(directory.glob(pattern), None) for pattern in _WEIGHTS)


def _read_model(directory: Path, cache: FactsCache, *, bundled: bool) -> LocalModel:
    metadata = read_metadata(directory)
    path = Path(metadata.reference) if metadata and metadata.reference else directory
    return LocalModel(
        id=model_id_of(directory, metadata),
        path=path,
        metadata=metadata,
        facts=read_facts(path, cache=cache),
        entry=directory,
        bundled=bundled,
    )


def model_id_of(directory: Path, metadata: ModelMetadata | None = None) -> str:
    """The id a directory states, else the one its name gives."""
    metadata = metadata or read_metadata(directory)
    if metadata:
        try:
            return check_model_id(metadata.model_id)
        except InvalidModelName:
            pass
    return id_of_directory(directory.name)

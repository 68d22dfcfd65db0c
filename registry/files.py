"""Which files of a repository a model needs, and how each is known to be right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

import msgspec

from model_files.model_kind import refusal_of_files
from notices import Notice
from registry.errors import NotAnOpenVINOModel, UnsupportedModel
from registry.gguf_choice import choose_gguf
from registry.names import METADATA

_TEXT_SUFFIXES = {".json", ".jinja", ".txt", ".md", ".model"}
_TEXT_NAMES = ("license", "notice", "use_policy")
_OTHER_FORMATS = {
    ".safetensors": "PyTorch (safetensors)",
    ".bin": "PyTorch",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".gguf": "GGUF (llama.cpp)",
    ".onnx": "ONNX",
    ".h5": "Keras",
    ".msgpack": "Flax",
}
_READ = 1 << 20


class RemoteFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of a commit. sha256: of large (LFS) files; blob_sha1: git's object name of small ones."""

    path: str
    size: int
    sha256: str | None = None
    blob_sha1: str | None = None

    @property
    def digest(self) -> str:
        return self.sha256 or self.blob_sha1 or ""


def needed_files(files: Iterable[RemoteFile], model_id: str, variant: str | None = None) -> list[RemoteFile]:
    """The IRs, tokenizers, configuration and texts of an OpenVINO repository; never code or pickled weights. Of a GGUF
    repository the one file that `variant` names, or its only one.

    Image pipelines (model_index.json) keep parts in folders, models that speak their voices; of others only the root
    counts, where the libraries look.
    Raises NotAnOpenVINOModel.
    """
    by_path = {file.path: file for file in files}
    has_ir = any(path.startswith("openvino") and path.endswith(".xml") for path in by_path)
    if variant or (not has_ir and any(_is_gguf(path) for path in by_path)):
        chosen = choose_gguf([path for path in by_path if _is_gguf(path)], model_id, variant)
        return sorted(
            (file for path, file in by_path.items() if path == chosen or _is_description(PurePosixPath(path))),
            key=lambda file: (file.size, file.path),
        )
    folders = "model_index.json" in by_path
    found = [file for path, file in by_path.items() if _needed(PurePosixPath(path), by_path, folders)]
    if not any(PurePosixPath(file.path).suffix == ".xml" for file in found):
        raise _what_it_is(by_path, model_id)
    return sorted(found, key=lambda file: (file.size, file.path))


def check_served(files: Iterable[RemoteFile], model_id: str, task: str | None) -> None:
    """Refuse what could not be served once it is here. task: as the hub names it. Raises UnsupportedModel."""
    if refusal := refusal_of_files([file.path for file in files], f"{task} {model_id}"):
        raise UnsupportedModel(Notice("notices.not_pulled", model=model_id, sentence=refusal))


def _is_gguf(path: str) -> bool:
    return path.lower().endswith(".gguf") and "mmproj" not in path.lower()


def _is_description(path: PurePosixPath) -> bool:
    """Licence and card; the file of the weights has everything else in it."""
    described = path.suffix.lower() == ".md" or path.name.lower().startswith(_TEXT_NAMES)
    return described and len(path.parts) == 1 and not path.name.startswith(".")


def _needed(path: PurePosixPath, present: dict[str, RemoteFile], folders: bool) -> bool:
    if path.name.startswith("."):
        return False
    if str(path).casefold() == METADATA:  # ours is written there
        return False
    if path.parts[0] == "voices" and path.suffix == ".bin":  # of a model that speaks: plain numbers
        return len(path.parts) == 2
    if len(path.parts) > (2 if folders else 1):
        return False
    if path.suffix == ".xml":
        return path.name.startswith("openvino") and str(path.with_suffix(".bin")) in present
    if path.suffix == ".bin":
        return path.name.startswith("openvino") and str(path.with_suffix(".xml")) in present
    return path.suffix.lower() in _TEXT_SUFFIXES or path.name.lower().startswith(_TEXT_NAMES)


def _what_it_is(present: dict[str, RemoteFile], model_id: str) -> NotAnOpenVINOModel:
    """Safetensors can be converted here: details, where they are, name the model under `convert`."""
    name = model_id.rpartition("/")[2]
    if any(path.endswith(".safetensors") and "/" not in path for path in present):
        command = f"main.py convert {model_id}"
        offer = Notice("notices.not_openvino_yet", model=model_id, name=name, command=command)
        return NotAnOpenVINOModel(offer, convert=model_id)
    suffixes = {PurePosixPath(path).suffix.lower() for path in present}
    kind = next((name for suffix, name in _OTHER_FORMATS.items() if suffix in suffixes), None)
    what = Notice("notices.weights_in_format", kind=kind) if kind else Notice("notices.no_weights")
    return NotAnOpenVINOModel(Notice("notices.not_openvino", model=model_id, what=what, name=name))


def is_intact(file: RemoteFile, path: Path, on_bytes: Callable[[int], None] | None = None) -> bool:
    """Whether a local file has the size and the hash that the hub states. Reads the whole file."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size != file.size:
        return False
    if not file.digest:
        return True
    digest = hashlib.sha256()
    if not file.sha256:
        digest = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_READ):
            digest.update(chunk)
            if on_bytes:
                on_bytes(len(chunk))
    return digest.hexdigest() == file.digest.lower()

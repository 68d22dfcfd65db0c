"""All that is known of one model of this machine, and the folders that one can be imported from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from admin.live.views import LocalModelRow
from registry.local import LocalModel

_MOST_README = 200_000
_MOST_FILES = 200
_MOST_ENTRIES = 500
_README = ("README.md", "readme.md", "Readme.md")
_LICENCE = ("LICENSE", "LICENSE.txt", "LICENSE.md", "license", "NOTICE", "USE_POLICY.md")


@dataclass(frozen=True)
class ModelFile:
    name: str
    size: int


@dataclass(frozen=True)
class ModelDetails:
    """`readme`: Markdown, empty where there is none; `left_out`: files beyond those shown."""

    row: LocalModelRow
    readme: str
    licence_file: str | None
    files: tuple[ModelFile, ...]
    left_out: int
    path: str


def model_details(row: LocalModelRow, model: LocalModel) -> ModelDetails:
    """Blocks for the disk."""
    files = _files(model.path)
    names = {file.name for file in files}
    licence = next((name for name in _LICENCE if name in names), None)
    left_out = max(len(files) - _MOST_FILES, 0)
    return ModelDetails(row, _readme(model.path), licence, tuple(files[:_MOST_FILES]), left_out, str(model.path))


def _files(place: Path) -> list[ModelFile]:
    """Largest first; of a GGUF file itself."""
    paths = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    root = place.parent if place.is_file() else place
    found: list[ModelFile] = []
    for path in paths:
        try:
            found.append(ModelFile(path.relative_to(root).as_posix(), path.stat().st_size))
        except OSError:
            continue
    return sorted(found, key=lambda file: (-file.size, file.name))


def _readme(place: Path) -> str:
    """Without the block of metadata that the hub puts on top."""
    for name in _README if place.is_dir() else ():
        path = place / name
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as stream:
                text = stream.read(_MOST_README)
            if text.startswith("---"):
                _, end, rest = text[3:].partition("\n---")
                text = rest.partition("\n")[2] if end else text
            return text.strip()
    return ""


@dataclass(frozen=True)
class FolderEntry:
    """`model`: it can be imported as it is."""

    name: str
    path: str
    model: bool


@dataclass(frozen=True)
class Folder:
    """A folder of this machine. `parent` None: there is none. `problem`: why it shows nothing."""

    path: str
    parent: str | None
    entries: tuple[FolderEntry, ...]
    model: bool = False
    problem: str | None = None


def read_folder(path: str) -> Folder:
    """Its folders and GGUF files, models first. Blocks for the disk."""
    place = Path(path).expanduser() if path else Path.home()
    if place.is_file():
        place = place.parent
    parent = None if place.parent == place else str(place.parent)
    try:
        with os.scandir(place) as entries:
            found = _visible(list(entries))[:_MOST_ENTRIES]
    except (OSError, ValueError) as error:
        return Folder(str(place), parent, (), problem=getattr(error, "strerror", None) or str(error))
    ordered = sorted(found, key=lambda entry: (not entry.model, entry.name.casefold()))
    return Folder(str(place), parent, tuple(ordered), model=_is_model(place))


def _visible(entries: list[os.DirEntry[str]]) -> list[FolderEntry]:
    visible: list[FolderEntry] = []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            if entry.is_dir():
                visible.append(FolderEntry(entry.name, entry.path, _is_model(Path(entry.path))))
            elif entry.name.lower().endswith(".gguf"):
                visible.append(FolderEntry(entry.name, entry.path, model=True))
        except OSError:
            continue
    return visible


def _is_model(place: Path) -> bool:
    try:
        return any((place / name).is_file() for name in ("openvino_model.xml", "openvino_language_model.xml"))
    except OSError:
        return False

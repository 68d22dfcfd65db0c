"""A release archive: unpacked, held against its list of files, and put in the place of what is installed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

MANIFEST = "RELEASE.json"
FOLDER = ".update"
"""In the project's folder, so that files are renamed and not copied. Gone when an update has ended."""
_LARGEST = 500_000_000
_SECONDS = 60


class UpdateFailed(Exception):
    """The text says what is wrong and what to do."""


@dataclass(frozen=True)
class Release:
    """An unpacked archive. `files`: SHA-256 by path, with slashes."""

    folder: Path
    version: str
    files: dict[str, str]


def installed(project: Path) -> Release | None:
    """None where the project was not unpacked from a release archive."""
    try:
        return _read_manifest(project)
    except (OSError, ValueError, LookupError, TypeError):
        return None


def unpack(source: str, folder: Path, sha256: str | None) -> Release:
    """From a file or an address, into the folder. Raises `UpdateFailed`, OSError."""
    archive = _fetch(source, folder)
    if sha256 is not None and _hash(archive) != sha256.lower():
        raise UpdateFailed(f"{source} is not what was meant: its SHA-256 is {_hash(archive)}.")
    target = folder / "new"
    try:
        for name, data in _members(archive):
            path = _inside(target, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError) as error:
        raise UpdateFailed(f"{source} is no archive, or a damaged one ({error}).") from error
    return _checked(target, source)


def _fetch(source: str, folder: Path) -> Path:
    parts = urlsplit(source)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not local:
        if parts.scheme in ("http", "ftp"):
            raise UpdateFailed("Archives are fetched over https only.")
        path = Path(source).expanduser()
        if not path.is_file():
            raise UpdateFailed(f"There is no file {source}.")
        return path
    archive = folder / (PurePosixPath(parts.path).name or "archive")
    try:
        with urllib.request.urlopen(source, timeout=_SECONDS) as answer, archive.open("wb") as stream:
            shutil.copyfileobj(answer, stream)
    except (urllib.error.URLError, TimeoutError) as error:
        raise UpdateFailed(f"{source} could not be fetched ({error}).") from error
    return archive


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Plain files only, without the archive's top folder."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            if sum(info.file_size for info in packed.infolist()) > _LARGEST:
                raise ValueError("it is too large")
            for info in packed.infolist():
                if not info.is_dir():
                    yield _below_top(info.filename), packed.read(info)
        return
    with tarfile.open(archive) as packed:
        size = 0
        for member in packed:
            size += member.size
            if size > _LARGEST:
                raise ValueError("it is too large")
            stream = packed.extractfile(member) if member.isreg() else None
            if stream is not None:
                yield _below_top(member.name), stream.read()


def _below_top(name: str) -> str:
    return name.removeprefix("./").partition("/")[2]


def _inside(folder: Path, name: str) -> Path:
    path = PurePosixPath(name)
    if not name or "\\" in name or ":" in name or path.is_absolute() or ".." in path.parts:
        raise ValueError(f'it has a file named "{name}"')
    return folder.joinpath(*path.parts)


def _checked(folder: Path, source: str) -> Release:
    try:
        release = _read_manifest(folder)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UpdateFailed(f"{source} is no release of this project.") from error
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    if found != set(release.files) or any(_hash(folder / name) != known for name, known in release.files.items()):
        raise UpdateFailed(f"{source} is damaged: its files are not those that it lists.")
    return release


def _read_manifest(folder: Path) -> Release:
    document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    files = {str(name): str(known) for name, known in document["files"].items()}
    for name in files:
        _inside(folder, name)
    return Release(folder, str(document["version"]), files)


def changed_files(project: Path, release: Release) -> list[str]:
    """What somebody has changed since it was installed."""
    return [
        name for name, known in release.files.items() if (project / name).exists() and _hash(project / name) != known
    ]


def swap(project: Path, old: Release | None, new: Release) -> Callable[[], None]:
    """Put the new files in the place of the old ones, which go into `.update/old`. Gives back what undoes that. Files
    that neither release lists, such as models and configuration, stay where they are. Raises OSError, undone."""
    kept = project / FOLDER / "old"
    record = project / FOLDER / "added.json"
    names = {*new.files, MANIFEST}
    before = {*(old.files if old else ()), *names}
    moved = [name for name in sorted(before) if (project / name).is_file()]
    added = sorted(names - set(moved))
    kept.mkdir(parents=True)
    record.write_text(json.dumps(added), encoding="utf-8")
    try:
        for name in moved:
            _move(project / name, kept / name)
        for name in sorted(names):
            _move(new.folder / name, project / name)
    except BaseException:
        put_back(project)
        raise
    return lambda: put_back(project)


def put_back(project: Path) -> None:
    """Also what an interrupted update has left."""
    kept, record = project / FOLDER / "old", project / FOLDER / "added.json"
    for name in json.loads(record.read_text(encoding="utf-8")) if record.exists() else ():
        (project / name).unlink(missing_ok=True)
    for path in [path for path in kept.rglob("*") if path.is_file()]:
        _move(path, project / path.relative_to(kept))
    record.unlink(missing_ok=True)


def was_interrupted(project: Path) -> bool:
    return (project / FOLDER / "added.json").exists()


def clean_up(project: Path, gone: Release | None = None) -> None:
    """`gone`: the release whose files may have left empty folders behind."""
    shutil.rmtree(project / FOLDER, ignore_errors=True)
    for name in gone.files if gone else ():
        for folder in (project / name).parents:
            if folder == project:
                break
            shutil.rmtree(folder / "__pycache__", ignore_errors=True)
            with contextlib.suppress(OSError):
                folder.rmdir()


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)  # noqa: PTH105  # over a file that is there, on Windows too


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

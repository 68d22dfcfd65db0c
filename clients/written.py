"""A client's configuration on disk: written with a copy of what was there, and taken back.

What was there comes back byte for byte where nothing else has changed the file since. Otherwise only settings of ours
that are still as we wrote them are put back, and all else stays as it is.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from clients.agent import FORMATS, ConfigFile
from clients.settings_text import REMOVED, CannotEdit, SettingPath, SettingsText, edited, value_at
from storage.files import BROKEN_FILE, read_bytes, write_atomically

FOLDER = ".clients"
"""In the data directory."""
_BOM = b"\xef\xbb\xbf"


class Setting(msgspec.Struct, frozen=True):
    """`before` is left out where there was none. `there`: how many of the path's keys
    led to something; objects beyond were made for us."""

    path: list[str]
    written: Any
    before: Any = msgspec.UNSET
    there: int = 0


class WrittenFile(msgspec.Struct, frozen=True):
    """`backup`: the name of the copy beside this record, None where there was no file. `folders`: those made for it,
    the innermost
    first. `volatile`: see `ConfigFile`."""

    path: str
    digest: str
    backup: str | None
    settings: list[Setting]
    folders: list[str] = []
    volatile: list[str] = []


class Record(msgspec.Struct, frozen=True):
    """What is written of one client."""

    model: str
    files: list[WrittenFile] = []


@dataclass(frozen=True)
class Change:
    """What writing or undoing does to one file: None where there is no file."""

    path: Path
    before: bytes | None
    after: bytes | None

    @property
    def diff(self) -> str:
        """In the unified form."""
        before, after = (
            [] if content is None else content.decode("utf-8", "replace").splitlines(keepends=True)
            for content in (self.before, self.after)
        )
        lines = difflib.unified_diff(before, after, str(self.path), str(self.path))
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


class CannotConfigure(Exception):
    """The text says which file and why."""


class WrittenClient:
    """One client of one user. `folder`: where the copies lie, which only the user can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._record_path = folder / "written.json"

    def record(self) -> Record | None:
        """None where nothing is written."""
        try:
            return msgspec.json.decode(read_bytes(self._record_path), type=Record)
        except BROKEN_FILE:
            return None

    def plan(self, files: Sequence[ConfigFile]) -> list[Change]:
        """What `write` would do. Raises `CannotConfigure`."""
        return [Change(file.path, _content(file.path), self._planned(file)[1]) for file in files]

    def write(self, files: Sequence[ConfigFile], model: str) -> list[Change]:
        """Raises `CannotConfigure` before anything is changed, and OSError."""
        planned = [(file, *self._planned(file)) for file in files]
        changes = [Change(file.path, _content(file.path), after) for file, _, after in planned]
        known = {each.path: each for each in (self.record() or Record(model)).files}
        written: list[WrittenFile] = []
        for index, (file, before, after) in enumerate(planned):
            backup = None if before is None else f"{index}-{file.path.name}"
            if before is not None:
                write_atomically(self._folder / str(backup), before, private=True)
            old = known.get(str(file.path))
            folders = [*_missing_folders(file.path), *(old.folders if old else [])]
            settings = _settings(file, before)
            volatile = list(file.volatile)
            written.append(WrittenFile(str(file.path), _digest(after), backup, settings, folders, volatile))
        # The record is there before the first file changes: whatever happens then can be undone.
        record = msgspec.json.format(msgspec.json.encode(Record(model, written)), indent=1)
        write_atomically(self._record_path, record, private=True)
        for file, _, after in planned:
            _replace(file.path, after)
        return changes

    def plan_undo(self) -> list[Change]:
        """Raises `CannotConfigure`."""
        record = self.record()
        return [Change(Path(each.path), *self._undone(each)) for each in (record.files if record else ())]

    def undo(self) -> list[Change]:
        """Raises `CannotConfigure` before anything is changed, and OSError."""
        record, changes = self.record(), self.plan_undo()
        for change in changes:
            _replace(change.path, change.after)
        for each in record.files if record else ():
            for folder in each.folders:
                with contextlib.suppress(OSError):  # the client keeps things of its own there by now
                    Path(folder).rmdir()
        for each in record.files if record else ():
            if each.backup:
                (self._folder / each.backup).unlink(missing_ok=True)
        self._record_path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()
        return changes

    def _planned(self, file: ConfigFile) -> tuple[bytes | None, bytes]:
        """The file as it was before us, and as it is to be."""
        record = self.record()
        known = next((each for each in record.files if each.path == str(file.path)), None) if record else None
        before = self._undone(known)[1] if known else _content(file.path)
        return before, _changed(
            file.path, before, lambda text: edited(file.form, text, file.settings(new=before is None))
        )

    def _undone(self, file: WrittenFile) -> tuple[bytes | None, bytes | None]:
        path = Path(file.path)
        now = _content(path)
        if now is None:
            return None, None  # its owner has deleted it
        if _digest(now) == file.digest:
            return now, None if file.backup is None else read_bytes(self._folder / file.backup)
        form = FORMATS[path.suffix]

        def put_back(text: str) -> str:
            data = form.read(text)
            values: dict[SettingPath, Any] = {}
            for setting in file.settings:
                found = value_at(data, tuple(setting.path))
                if _lasting(found, file.volatile) == _lasting(setting.written, file.volatile):
                    values[tuple(setting.path)] = REMOVED if setting.before is msgspec.UNSET else setting.before
            text = edited(form, text, values)
            return _without_empty(form, text, file.settings)

        after = _changed(path, now, put_back)
        if file.backup is not None:
            before = read_bytes(self._folder / file.backup)
            if form.read(_decoded(path, before)[0]) == form.read(_decoded(path, after)[0]):
                return now, before  # the client wrote the same settings in its own way
        return now, after


def _lasting(value: Any, volatile: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(each, volatile) for key, each in value.items() if key not in volatile}
    return value


def _settings(file: ConfigFile, before: bytes | None) -> list[Setting]:
    data = file.form.read(_decoded(file.path, before)[0])
    settings = []
    for path, value in file.settings(new=before is None).items():
        old = value_at(data, path)
        there = next(length for length in range(len(path), -1, -1) if value_at(data, path[:length]) is not REMOVED)
        settings.append(Setting(list(path), value, msgspec.UNSET if old is REMOVED else old, there))
    return settings


def _without_empty(form: SettingsText, text: str, settings: Sequence[Setting]) -> str:
    """Without the objects that were made for settings of ours and hold nothing any more."""
    for setting in settings:
        for length in range(len(setting.path) - 1, setting.there, -1):
            path = tuple(setting.path[:length])
            if value_at(form.read(text), path) in ({}, None):
                text = edited(form, text, {path: REMOVED})
    return text


def _changed(path: Path, content: bytes | None, change: Callable[[str], str]) -> bytes:
    text, ends, mark = _decoded(path, content)
    try:
        return mark + change(text).replace("\n", ends).encode("utf-8")
    except CannotEdit as error:
        raise CannotConfigure(f"{path} cannot be changed safely: {error}.") from error


def _decoded(path: Path, content: bytes | None) -> tuple[str, str, bytes]:
    """The text with plain ends of lines, the ends that it had, and its byte order mark."""
    content = content or b""
    mark = _BOM if content.startswith(_BOM) else b""
    try:
        text = content.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise CannotConfigure(f"{path} is not UTF-8 text.") from error
    ends = "\r\n" if "\r\n" in text and "\n" not in text.replace("\r\n", "") else "\n"
    return (text.replace("\r\n", "\n") if ends == "\r\n" else text), ends, mark


def _content(path: Path) -> bytes | None:
    try:
        return read_bytes(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotConfigure(f"{path} cannot be read: {error.strerror}.") from error


def _replace(path: Path, content: bytes | None) -> None:
    """Keeps who may read it; a new file may hold a key."""
    if content is None:
        path.unlink(missing_ok=True)
        return
    mode = path.stat().st_mode if path.exists() else None
    write_atomically(path, content, private=mode is None)
    if mode is not None:
        os.chmod(path, mode & 0o7777)  # noqa: PTH101  # follows a link, as the writing did


def _missing_folders(path: Path) -> list[str]:
    return [str(folder) for folder in path.parents if not folder.exists()]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

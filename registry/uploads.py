"""Models that a browser sends file by file, in pieces; they become models once all of them are there."""

from __future__ import annotations

import errno
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from notices import Notice
from registry.disk import put_in_place
from registry.errors import JobNotFound, NotAnOpenVINOModel, NotEnoughDisk, RegistryConflict, UnsafeRepository
from registry.imports import check_served, check_unused, write_import_metadata
from registry.names import METADATA, PARTIAL, check_file_names, check_model_id, id_of_directory, inside, model_directory

_PREFIX = ".upload-"
_ABANDONED_SECONDS = 3600.0
_SERVED = (".xml", ".gguf")


@dataclass
class Upload:
    """name: the folder or GGUF file that is sent. files: bytes by path. received: bytes so far, by path."""

    id: str
    model_id: str
    name: str
    directory: Path
    files: Mapping[str, int]
    touched: float
    received: dict[str, int] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Bytes that are still to come."""
        return sum(self.files.values()) - sum(self.received.values())

    @property
    def missing(self) -> list[str]:
        return [path for path, size in self.files.items() if self.received.get(path, 0) < size]


class Uploads:
    """Uploads into `models_dir`. A model that is begun again replaces what came of it before; an upload that no piece
    reached for an hour is dropped, and so is everything unfinished when the server starts.
    Methods may be called from several threads."""

    def __init__(
        self, models_dir: Path, free: Callable[[Path], int], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._models_dir = models_dir
        self._free = free
        self._clock = clock
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.RLock()

    def clear(self) -> None:
        """Delete what an earlier run left unfinished."""
        for directory in (self._models_dir / PARTIAL).glob(f"{_PREFIX}*"):
            shutil.rmtree(directory, ignore_errors=True)

    def begin(self, name: str, files: Mapping[str, int], model_id: str | None = None) -> Upload:
        """Raises InvalidModelName, UnsafeRepository, NotAnOpenVINOModel (as far as the names of the files tell),
        Conflict (the model is there), NotEnoughDisk, OSError."""
        _check_files(name, files)
        model_id = check_model_id(model_id or _id_of(name, files))
        check_unused(self._models_dir, model_id)
        with self._lock:
            for other in list(self._uploads.values()):
                if other.model_id == model_id or self._clock() - other.touched > _ABANDONED_SECONDS:
                    self.cancel(other.id)
            needed = sum(files.values())
            free = self._free(self._models_dir) - sum(upload.left for upload in self._uploads.values())
            if needed > free:
                raise NotEnoughDisk.of(needed, free)
            token = secrets.token_hex(16)
            directory = inside(self._models_dir / PARTIAL, f"{_PREFIX}{token}")
            directory.mkdir(parents=True)
            upload = Upload(token, model_id, name, directory, dict(files), self._clock())
            self._uploads[token] = upload
            for path, size in files.items():
                if not size:
                    self.write(token, path, 0, b"")
            return upload

    def write(self, upload_id: str, path: str, offset: int, data: bytes) -> int:
        """Bytes of the file that are there now. A piece may come twice; none may be left out.

        Raises JobNotFound, Conflict (an unknown file, a gap, more than was announced), NotEnoughDisk, OSError.
        """
        with self._lock:
            upload = self._find(upload_id)
            received = upload.received.get(path, 0)
            if path not in upload.files or offset > received or offset + len(data) > upload.files[path]:
                raise RegistryConflict(Notice("notices.upload_piece", path=path, received=received))
            target = inside(upload.directory, *PurePosixPath(path).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with target.open("r+b" if path in upload.received else "wb") as file:
                    file.seek(offset)
                    file.write(data)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise NotEnoughDisk.of(upload.left, self._free(self._models_dir)) from error
                raise
            upload.touched = self._clock()
            upload.received[path] = max(received, offset + len(data))
            return upload.received[path]

    def finish(self, upload_id: str) -> str:
        """Make the files a model; its id. A folder that is no model is deleted.

        Raises JobNotFound, Conflict (files are missing), NotAnOpenVINOModel, UnsupportedModel, OSError.
        """
        with self._lock:
            upload = self._find(upload_id)
            if missing := upload.missing:
                raise RegistryConflict(Notice("notices.upload_missing", path=missing[0]))
            try:
                check_served(upload.directory, upload.name)
                check_unused(self._models_dir, upload.model_id)
                write_import_metadata(upload.directory / METADATA, upload.model_id, f"upload {upload.name}")
                put_in_place(upload.directory, model_directory(self._models_dir, upload.model_id), self._models_dir)
            finally:
                self.cancel(upload_id)
            return upload.model_id

    def cancel(self, upload_id: str) -> None:
        """Delete what there is of it. Raises JobNotFound."""
        with self._lock:
            shutil.rmtree(self._find(upload_id).directory, ignore_errors=True)
            del self._uploads[upload_id]

    def _find(self, upload_id: str) -> Upload:
        if upload_id not in self._uploads:
            raise JobNotFound(Notice("notices.no_upload"))
        return self._uploads[upload_id]


def _check_files(name: str, files: Mapping[str, int]) -> None:
    check_file_names(list(files))
    folders = {str(folder) for path in files for folder in PurePosixPath(path).parents}
    if twofold := folders & files.keys():
        raise UnsafeRepository(Notice("notices.unsafe_file_name", name=twofold.pop()))
    if not any(path.endswith(_SERVED) for path in files):
        raise NotAnOpenVINOModel(Notice("notices.upload_no_model", name=name))


def _id_of(name: str, files: Mapping[str, int]) -> str:
    """As an import names it: a file by its name, a folder by its name as the models directory has it."""
    return f"local/{PurePosixPath(name).stem}" if list(files) == [name] else id_of_directory(name)

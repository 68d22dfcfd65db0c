"""One file from the hub to the disk: resumed where it stopped, retried while bytes keep coming.

huggingface_hub 2 starts an interrupted file anew in the next process, which for weights of many GB is no option: so its
session, headers and errors are used, and the loop over the bytes is here.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import httpx2
from huggingface_hub import get_session
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from notices import Notice
from registry.disk import free_bytes
from registry.errors import DownloadFailed, NotEnoughDisk
from registry.files import RemoteFile
from registry.hub import RemoteModel, translated, unreachable
from registry.settings import HubSettings
from registry.throttle import Throttle
from storage.files import replace_path

PART = ".part"
_RETRIES = 6
_LONGEST_WAIT = 20.0
_RETRY_STATUS = (408, 429, 500, 502, 503, 504)


class Transfer:
    """Fetches the files of one commit into a directory. on_bytes(done): bytes of the present file on disk."""

    def __init__(self, settings: HubSettings, model: RemoteModel, directory: Path, *, retry_wait: float = 1.0) -> None:
        self._settings = settings
        self._model = model
        self._directory = directory
        self._retry_wait = retry_wait
        self._throttle = Throttle(settings.bytes_per_second)
        self._headers = build_hf_headers(token=model.token) | dict(model.headers) | {"Accept-Encoding": "identity"}

    def bytes_present(self, file: RemoteFile) -> int:
        """Bytes of a file, whole or part, that lie there."""
        path = self._directory / file.path
        for candidate in (path, _part(path)):
            if candidate.is_file() and candidate.stat().st_size <= file.size:
                return candidate.stat().st_size
        return 0

    def fetch(self, file: RemoteFile, on_bytes: Callable[[int], None]) -> None:
        """Bring a file to its full length. Raises the registry's errors; what was written stays for the next try."""
        path = self._directory / file.path
        if path.is_file() and path.stat().st_size == file.size:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with _disk_errors(self._directory, lambda: file.size - self.bytes_present(file)):
            path.unlink(missing_ok=True)
            with _part(path).open("ab") as stream:
                if _length(stream) > file.size:
                    stream.truncate(0)
                self._fill(file, stream, on_bytes)
                stream.flush()
                os.fsync(stream.fileno())
            replace_path(_part(path), path)

    def _fill(self, file: RemoteFile, stream: BinaryIO, on_bytes: Callable[[int], None]) -> None:
        failures = 0
        furthest = _length(stream)
        while _length(stream) < file.size:
            problem: Exception = EOFError(f"{file.path} ends too early")
            try:
                with translated(self._settings, self._model.id, self._model.commit):
                    self._read(file, stream, on_bytes)
            except _Interrupted as error:
                problem = error
            if _length(stream) >= file.size:
                continue
            failures = 1 if _length(stream) > furthest else failures + 1
            furthest = max(furthest, _length(stream))
            if failures > _RETRIES:
                raise unreachable(self._settings, problem)
            time.sleep(min(self._retry_wait * 2 ** (failures - 1), _LONGEST_WAIT))
        if _length(stream) > file.size:
            stream.truncate(0)
            raise DownloadFailed(Notice("notices.hub_sent_too_much", file=file.path, size=file.size))

    def _read(self, file: RemoteFile, stream: BinaryIO, on_bytes: Callable[[int], None]) -> None:
        have = _length(stream)
        url = f"{self._model.files_url}/{quote(file.path)}"
        headers = self._headers | ({"Range": f"bytes={have}-"} if have else {})
        try:
            with get_session().stream("GET", url, headers=headers) as response:
                if response.status_code in _RETRY_STATUS:
                    raise _Interrupted(f"status {response.status_code}")
                if response.is_error:
                    response.read()
                    hf_raise_for_status(response)
                if have and response.status_code != 206:  # the range was ignored: the file comes from its start
                    stream.truncate(0)
                    have = 0
                for chunk in response.iter_bytes(self._throttle.piece):
                    stream.write(chunk)
                    stream.flush()  # this process may be ended at any moment
                    have += len(chunk)
                    on_bytes(have)
                    self._throttle.spend(len(chunk))
                    if have > file.size:
                        return
        except httpx2.TransportError as error:
            raise _Interrupted(str(error) or type(error).__name__) from error
        except HfHubHTTPError as error:
            if error.response.status_code == 416:  # what lies there is not a beginning of this file
                stream.truncate(0)
                raise _Interrupted("range not satisfiable") from error
            raise


class _Interrupted(Exception):
    """The connection ended before the file did."""


def _length(stream: BinaryIO) -> int:
    return stream.seek(0, os.SEEK_END)


def _part(path: Path) -> Path:
    return path.with_name(path.name + PART)


@contextmanager
def _disk_errors(directory: Path, missing: Callable[[], int]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotEnoughDisk.of(missing(), free_bytes(directory)) from error
        raise

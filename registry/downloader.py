"""The process that downloads one model: `python -m registry.downloader`.

First line of stdin: a PullRequest, token included (so it stands in no argument list, environment or log). Events go to
stdout, one JSON document a line. End of stdin means stop: the process may die at any byte, the next one goes on.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

import msgspec
from filelock import Timeout

from notices import Notice
from registry import hub, modelscope
from registry.disk import free_bytes, write_json
from registry.downloader_protocol import (
    DownloadFinished,
    DownloadProgress,
    DownloadReportedFailure,
    DownloadRequest,
    Event,
    Plan,
    Refetching,
    Resolved,
    Verifying,
    decode_plan,
    decode_request,
    encode,
)
from registry.errors import DownloadFailed, NotEnoughDisk, PulledElsewhere, RegistryError
from registry.files import RemoteFile, check_served, is_intact, needed_files
from registry.gguf_choice import check_readable
from registry.hub import RemoteModel
from registry.names import METADATA, PLAN, inside
from registry.partial import partial_lock
from registry.settings import HubSettings
from registry.source_files import description_files, source_files, weight_files
from registry.transfer import PART, Transfer
from storage.files import BROKEN_FILE
from supervision.lifeline import take_stdin, watch_pipe

RESERVE_BYTES = 64 * 1024 * 1024
_FETCHES_OF_A_BAD_FILE = 3
_PROGRESS_SECONDS = 0.2
_LOCK_SECONDS = 10


class Downloader:
    """Resolve, fetch, verify, describe: after run() the directory holds a whole model and its metadata.json."""

    def __init__(self, request: DownloadRequest, output: BinaryIO) -> None:
        self._request = request
        self._output = output
        self._settings = HubSettings(request.endpoint, request.token, request.kind, request.speed_limit_mb)
        self._directory = Path(request.directory)
        self._last_progress = 0.0

    def run(self) -> None:
        """Raises RegistryError, OSError."""
        self._directory.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial_lock(self._directory).acquire(timeout=_LOCK_SECONDS):
                self._pull()
        except Timeout as error:
            raise PulledElsewhere(Notice("notices.pulled_elsewhere", model=self._request.model_id)) from error

    def _pull(self) -> None:
        model = self._resolve()
        files = self._wanted(model)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._forget_other_files(self._kept(model, files))
        for file in files:
            inside(self._directory, *file.path.split("/"))
        self._take_over(files)
        transfer = Transfer(self._settings, model, self._directory, retry_wait=self._request.retry_wait)
        done = [transfer.bytes_present(file) for file in files]
        self._check_space(files, done)
        weights = sum(file.size for file in weight_files(model.files))
        self._send(Resolved(model.commit, files, done, model.token_refused, model.license, model.pipeline_tag, weights))
        for index, file in enumerate(files):
            self._fetch(transfer, index, file)
        for index, file in enumerate(files):
            self._verify(transfer, index, file)
        self._describe(model, files)
        self._send(DownloadFinished())

    def _wanted(self, model: RemoteModel) -> list[RemoteFile]:
        """Raises NotAnOpenVINOModel, UnsupportedModel."""
        form = self._request.form
        if form == "description":
            return description_files(model.files)
        if form != "openvino":
            return source_files(model.files, model.id, code=form == "safetensors_with_code")
        check_served(model.files, model.id, model.pipeline_tag)
        files = needed_files(model.files, model.id, self._request.variant)
        for file in files:
            if file.path.lower().endswith(".gguf"):
                check_readable(file.path, model.gguf_architecture, model.id)
        return files

    def _kept(self, model: RemoteModel, files: list[RemoteFile]) -> list[RemoteFile]:
        """What may lie there: looking at a description again leaves weights that came before."""
        return [*files, *weight_files(model.files)] if self._request.form == "description" else files

    def _resolve(self) -> RemoteModel:
        request = self._request
        if request.kind == "modelscope":
            return modelscope.resolve(self._settings, request.model_id, request.revision)
        return hub.resolve(self._settings, request.model_id, request.commit or request.revision)

    def _forget_other_files(self, files: list[RemoteFile]) -> None:
        """Keep only what belongs to this commit: an earlier try may have been for another one."""
        plan = self._directory / PLAN
        digests = {file.path: file.digest for file in files}
        try:
            earlier = decode_plan(plan.read_bytes()).digests
        except BROKEN_FILE:
            earlier = {}
        for path in sorted(self._directory.rglob("*"), reverse=True):
            name = path.relative_to(self._directory).as_posix().removesuffix(PART)
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif name != PLAN and (path.is_symlink() or name not in digests or earlier.get(name) != digests[name]):
                path.unlink()
        request = self._request
        write_json(plan, msgspec.to_builtins(Plan(request.model_id, request.revision, digests, request.variant)))

    def _take_over(self, files: list[RemoteFile]) -> None:
        """Link (or copy) what an installed older commit has in common with this one."""
        for file in files if self._request.installed else ():
            source = Path(self._request.installed or "", file.path)
            target = self._directory / file.path
            if target.exists() or not is_intact(file, source):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)

    def _check_space(self, files: list[RemoteFile], done: list[int]) -> None:
        needed = sum(file.size for file in files) - sum(done)
        free = self._request.free_bytes
        if free is not None and needed and needed + RESERVE_BYTES > free:
            raise NotEnoughDisk.of(needed + RESERVE_BYTES, free)

    def _fetch(self, transfer: Transfer, index: int, file: RemoteFile) -> None:
        transfer.fetch(file, lambda done: self._progress(index, done))
        self._send(DownloadProgress(index, file.size))

    def _verify(self, transfer: Transfer, index: int, file: RemoteFile) -> None:
        path = self._directory / file.path
        for fetches_left in reversed(range(_FETCHES_OF_A_BAD_FILE)):
            self._send(Verifying(index))
            if is_intact(file, path):
                return
            path.unlink(missing_ok=True)
            if fetches_left:
                self._send(Refetching(index))
                self._fetch(transfer, index, file)
        raise DownloadFailed(Notice("notices.file_damaged", file=file.path))

    def _describe(self, model: RemoteModel, files: list[RemoteFile]) -> None:
        metadata = {
            "model_id": model.id,
            "revision": self._request.revision or model.default_revision,
            "commit": model.commit,
            "downloaded_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "source": self._settings.endpoint,
            "license": model.license,
            "pipeline_tag": model.pipeline_tag,
            "files": msgspec.to_builtins(files),
            **({"variant": self._request.variant} if self._request.variant else {}),
        }
        write_json(self._directory / METADATA, metadata)

    def _progress(self, index: int, done: int) -> None:
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_SECONDS:
            self._last_progress = now
            self._send(DownloadProgress(index, done))

    def _send(self, event: Event) -> None:
        self._output.write(encode(event) + b"\n")
        self._output.flush()


def _failure(error: OSError, directory: Path) -> DownloadReportedFailure:
    if error.errno == errno.ENOSPC:
        full = NotEnoughDisk.of(RESERVE_BYTES, free_bytes(directory))
        return DownloadReportedFailure(full.code, full.message, full.details)
    return DownloadReportedFailure(DownloadFailed.code, Notice("notices.model_not_written", error=error))


def main() -> int:
    pipe = take_stdin()
    request = decode_request(os.fdopen(pipe, "rb", closefd=False).readline())
    watch_pipe(pipe, lambda: os._exit(0))
    output = sys.stdout.buffer
    try:
        Downloader(request, output).run()
    except RegistryError as error:
        failure = DownloadReportedFailure(error.code, error.message, error.details)
    except OSError as error:
        failure = _failure(error, Path(request.directory))
    else:
        return 0
    output.write(encode(failure) + b"\n")
    output.flush()
    return 1


if __name__ == "__main__":
    sys.exit(main())

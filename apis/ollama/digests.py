"""Digests of models: SHA-256 over the SHA-256 of their files."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pools.served_model import ServedModel
from storage.files import BROKEN_FILE, write_atomically

logger = logging.getLogger(__name__)

_READ_BYTES = 1 << 20
_METADATA = "metadata.json"


class Digests:
    """Knows a model's digest at once where the hub has told its files' hashes, else once they have been read.

    Until then names, sizes and dates stand in for the contents. What was read is kept in `file`, so that it is read
    again only when a model's file has changed.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._hashes = _load(file)
        self._digests: dict[Path, str] = {}

    def digest(self, model: ServedModel) -> str:
        """64 hexadecimal digits."""
        known = self._digests.get(model.directory)
        return known or _sha256("\n".join(_key(path) for path in _files(model.directory)).encode())

    async def compute(self, models: Iterable[ServedModel]) -> None:
        """Find the real digests, one model after the other."""
        for model in list(models):
            try:
                self._digests[model.directory] = await asyncio.to_thread(self._compute, model.directory)
            except OSError as error:
                logger.warning("No digest of %s: %s", model.public_id, error)

    def _compute(self, directory: Path) -> str:
        told = _told_hashes(directory)
        before = len(self._hashes)
        lines: list[str] = []
        for path in _files(directory):
            key = f"{path} {_key(path)}"
            if path.name not in told and key not in self._hashes:
                self._hashes[key] = _hash_of(path)
            lines.append(f"{path.name} {told.get(path.name) or self._hashes[key]}")
        if len(self._hashes) > before:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, json.dumps(self._hashes, indent=0, ensure_ascii=False).encode())
        return _sha256("\n".join(lines).encode())


def _files(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return [directory] if directory.is_file() else []
    return sorted(path for path in directory.iterdir() if path.is_file() and path.name != _METADATA)


def _key(path: Path) -> str:
    stat = path.stat()
    return f"{path.name} {stat.st_size} {stat.st_mtime_ns}"


def _told_hashes(directory: Path) -> dict[str, str]:
    """What the hub said when the files were pulled, and they were checked against."""
    try:
        files: Any = json.loads((directory / _METADATA).read_text(encoding="utf-8"))["files"]
        return {file["path"]: file["sha256"] for file in files if file.get("sha256")}
    except BROKEN_FILE:
        return {}


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _load(file: Path) -> dict[str, str]:
    try:
        hashes = json.loads(file.read_text(encoding="utf-8"))
    except BROKEN_FILE:
        return {}
    return {str(key): str(value) for key, value in hashes.items()} if isinstance(hashes, dict) else {}

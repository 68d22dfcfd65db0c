"""What the test hub holds: repositories with commits, collections."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_files.gguf import read_gguf

LFS_FROM = 4096


@dataclass(frozen=True)
class HubFile:
    """One file of a commit; large ones and weights are stored with LFS, as on the real hub."""

    name: str
    path: Path
    sha256: str
    blob_sha1: str
    size: int

    @property
    def lfs(self) -> bool:
        return self.size >= LFS_FROM or self.name.endswith(".bin")

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.blob_sha1

    @property
    def pointer(self) -> str:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n"

    def sibling(self, with_blobs: bool) -> dict[str, Any]:
        entry: dict[str, Any] = {"rfilename": self.name}
        if with_blobs:
            entry |= {"size": self.size, "blobId": self.blob_sha1}
        if with_blobs and self.lfs:
            entry["lfs"] = {"size": self.size, "sha256": self.sha256, "pointerSize": len(self.pointer)}
        return entry


@dataclass
class Repository:
    id: str
    gated: bool = False
    private: bool = False
    license: str | None = "apache-2.0"
    pipeline_tag: str = "text-generation"
    commits: dict[str, dict[str, HubFile]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit_of(self, revision: str) -> str | None:
        revision = self.branches.get(revision, revision)
        return revision if revision in self.commits else None

    def info(self, commit: str, with_blobs: bool) -> dict[str, Any]:
        files = self.commits[commit].values()
        return {
            "_id": hashlib.md5(self.id.encode(), usedforsecurity=False).hexdigest()[:24],
            "id": self.id,
            "modelId": self.id,
            "author": self.id.split("/")[0],
            "sha": commit,
            "private": self.private,
            "gated": "auto" if self.gated else False,
            "disabled": False,
            "downloads": 7,
            "likes": 1,
            "tags": ["openvino", f"license:{self.license}"],
            "pipeline_tag": self.pipeline_tag,
            "lastModified": "2026-01-02T03:04:05.000Z",
            "createdAt": "2026-01-01T03:04:05.000Z",
            "cardData": {"license": self.license} if self.license else {},
            "siblings": [file.sibling(with_blobs) for file in files],
            **_gguf_summary(files),
        }


def _gguf_summary(files: Iterable[HubFile]) -> dict[str, Any]:
    """The hub reads one GGUF file of a repository."""
    for file in files:
        if file.name.endswith(".gguf"):
            header = read_gguf(file.path)
            total, context = header.parameters, header.context_length
            return {"gguf": {"total": total, "architecture": header.architecture, "context_length": context}}
    return {}


def read_commit(directory: Path, extra: dict[str, bytes], store: Path) -> tuple[str, dict[str, HubFile]]:
    """The files below a directory, and extra ones under names no file system would take, as one commit."""
    files = {
        path.relative_to(directory).as_posix(): path
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "metadata.json"
    }
    for number, (name, content) in enumerate(extra.items()):
        stored = store / f"{len(list(store.iterdir()))}-{number}"
        stored.write_bytes(content)
        files[name] = stored
    found = {name: hub_file(name, path) for name, path in files.items()}
    listing = "".join(f"{name} {file.blob_sha1}\n" for name, file in found.items())
    return hashlib.sha1(listing.encode(), usedforsecurity=False).hexdigest(), found


def hub_file(name: str, path: Path) -> HubFile:
    size = path.stat().st_size
    sha256 = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            sha256.update(chunk)
            blob.update(chunk)
    return HubFile(name, path, sha256.hexdigest(), blob.hexdigest(), size)

"""Writes the release archives: python tools/build_release.py [FOLDER]

A .zip and a .tar.gz of what it takes to run, with RELEASE.json, which lists every file with its SHA-256, and a file of
the archives' own hashes. The same tree gives the same bytes. Needs no git and nothing beyond the standard library.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
NAME = "openvino-multi-model-server"
MANIFEST = "RELEASE.json"
FOLDERS = ("deploy", "docs", "locales", "models/demo_server-guide", "static", "templates")
FILES = ("*.py", "*.md", "*.txt", "pyproject.toml", "LICENSE")
LEFT_OUT = {"benchmarks", "tests", "tools"}
"""Packages for those who work on the project."""
_MOMENT = (2026, 1, 1, 0, 0, 0)
_SECONDS = 1_767_225_600  # the same, since the epoch


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, default=PROJECT / "build")
    for path in build(PROJECT, parser.parse_args().folder):
        print(path)
    return 0


def build(project: Path, folder: Path) -> list[Path]:
    """The files that were written into the folder."""
    version = version_of(project)
    content = {name: (project / name).read_bytes() for name in names(project)}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    manifest = json.dumps({"version": version, "files": hashes}, indent=1).encode("utf-8") + b"\n"
    content[MANIFEST] = manifest
    top = f"{NAME}-{version}"
    archives = {f"{top}.zip": _zip(top, content), f"{top}.tar.gz": _tar(top, content)}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in archives.items())
    written = {**archives, f"{top}.sha256": sums.encode("ascii")}
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in written.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in written]


def version_of(project: Path) -> str:
    found = re.search(r'^__version__ = "(.+)"$', (project / "version.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def names(project: Path) -> list[str]:
    """Paths with slashes, in order."""
    packages = [path.parent.name for path in project.glob("*/__init__.py") if path.parent.name not in LEFT_OUT]
    found = {path for pattern in FILES for path in project.glob(pattern) if path.is_file()}
    found |= {path for folder in (*packages, *FOLDERS) for path in _files(project / folder)}
    return sorted(path.relative_to(project).as_posix() for path in found)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".pyc", ".tmp"):
            yield path


def _zip(top: str, content: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            info = zipfile.ZipInfo(f"{top}/{name}", _MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o100644 << 16
            archive.writestr(info, data)
    return stream.getvalue()


def _tar(top: str, content: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=stream, mode="wb", mtime=_SECONDS, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data in content.items():
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size, info.mtime, info.mode = len(data), _SECONDS, 0o644
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


if __name__ == "__main__":
    sys.exit(main())

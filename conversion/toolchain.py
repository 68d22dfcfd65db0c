"""The converter: optimum-intel with torch for the CPU, in a virtual environment of its own in the data directory.

It is made on first use and can be removed at any time. A stamp in it, written last, says that it is whole and what it
was made from. Nothing of it is imported by the server: the exporter runs in its Python.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conversion.child import ChildFailed, run_child
from conversion.errors import ConverterUnavailable
from conversion.steps import Exporter
from notices import Notice
from registry.disk import directory_size, write_json
from storage.files import BROKEN_FILE
from supervision.environment import installer_environment
from supervision.python import python_command

FOLDER = "converter"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
TORCH = ("torch==2.13.0+cpu", "torchvision==0.28.0+cpu")
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
"""PyTorch's builds for the CPU; the one on PyPI for Linux brings gigabytes of CUDA along."""
DOWNLOAD_BYTES = 550_000_000
INSTALLED_BYTES = 1_700_000_000
USUAL_MINUTES = 5
_STAMP = "converter.json"


@dataclass(frozen=True)
class ConverterStatus:
    """What is here of the converter. Bytes; the two figures are what it is going to take where it is not installed."""

    installed: bool
    size_bytes: int
    download_bytes: int = DOWNLOAD_BYTES
    minutes: int = USUAL_MINUTES


class Converter:
    """`data_dir`: in whose folder `converter` the environment lies."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    @property
    def installed(self) -> bool:
        return self._stamp() is not None

    def _stamp(self) -> dict[str, Any] | None:
        """None unless the environment is whole and made of what this version of the server asks for."""
        try:
            stamp = json.loads((self.folder / _STAMP).read_text(encoding="utf-8"))
            whole = stamp["requirements"] == _digest() and isinstance(stamp["size_bytes"], int)
        except BROKEN_FILE:
            return None
        return stamp if whole and self.python.exists() else None

    def command(self, *words: str) -> tuple[str, ...]:
        return (str(self.python), *words)

    def status(self) -> ConverterStatus:
        """Cheap enough to be asked for with every reading of the page."""
        stamp = self._stamp()
        return ConverterStatus(False, INSTALLED_BYTES) if stamp is None else ConverterStatus(True, stamp["size_bytes"])

    async def install(self, on_line: Callable[[str], object]) -> None:
        """Make it where it is not whole; half of it is not kept. Raises ConverterUnavailable, OSError."""
        if self.installed:
            return
        await asyncio.to_thread(self.remove)
        started = time.monotonic()
        try:
            await self._build(on_line)
        except BaseException as error:
            await asyncio.shield(asyncio.to_thread(self.remove))
            if not isinstance(error, ChildFailed):
                raise
            raise ConverterUnavailable(Notice("notices.converter_not_installed", reason=str(error))) from error
        seconds, size = round(time.monotonic() - started), await asyncio.to_thread(directory_size, self.folder)
        stamp = {"requirements": _digest(), "seconds": seconds, "size_bytes": size}
        await asyncio.to_thread(write_json, self.folder / _STAMP, stamp)

    async def _build(self, on_line: Callable[[str], object]) -> None:
        """Raises ChildFailed, OSError."""
        await self._run(python_command("-m", "venv", str(self.folder)), on_line)
        await self._install_torch(on_line)
        await self._pip(["--no-deps", "-r", str(REQUIREMENTS), *_openvino()], on_line)

    def remove(self) -> int:
        """The bytes freed. Raises OSError."""
        if not self.folder.exists():
            return 0
        size = directory_size(self.folder)
        (self.folder / _STAMP).unlink(missing_ok=True)  # half of it counts as none
        shutil.rmtree(self.folder)
        return size

    async def _install_torch(self, on_line: Callable[[str], object]) -> None:
        """torchvision is wanted by the processors of some vision-language models only; what is at hand may lack it."""
        index = ["--no-deps", "--extra-index-url", TORCH_INDEX]
        try:
            await self._pip([*index, *TORCH], on_line)
        except ChildFailed:
            await self._pip([*index, TORCH[0]], on_line)

    async def _pip(self, words: list[str], on_line: Callable[[str], object]) -> None:
        quiet = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--retries", "2")
        await self._run(self.command("-m", "pip", "install", *quiet, *words), on_line)

    async def _run(self, command: tuple[str, ...], on_line: Callable[[str], object]) -> None:
        tethered = python_command("-m", "supervision.tether", *command)
        await run_child(tethered, environment=installer_environment(), on_line=on_line)

    def exporter(self, scratch: Path) -> Exporter:
        """It finds no network, and every temporary file below `scratch`, so that none outlives a kill."""
        folders = {name: str(scratch) for name in ("TMPDIR", "TEMP", "TMP", "HF_HOME", "XDG_CACHE_HOME")}
        offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        plain = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_COLOR": "1"}
        command = self.command("-m", "conversion.exporter")
        return Exporter(command, installer_environment() | folders | offline | plain)


def _openvino() -> list[str]:
    """Of the server's own version: a model of a later one might not load."""
    return [f"{name}=={version(name)}" for name in ("openvino", "openvino-tokenizers")]


def _digest() -> str:
    content = REQUIREMENTS.read_bytes() + " ".join((*TORCH, *_openvino())).encode()
    return hashlib.sha256(content).hexdigest()

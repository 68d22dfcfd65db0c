"""Rotation while another program holds a file, which Windows does not let be renamed then."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervision.log_file import RotatingLogFile

NAME = "gpu.log"


class Held:
    """`names` are files that cannot be renamed or removed at present."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: set[str] = set()
        monkeypatch.setattr(Path, "rename", self._unless_held(Path.rename))
        for name in ("rename", "remove"):
            monkeypatch.setattr(os, name, self._unless_held(getattr(os, name)))

    def _unless_held(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def attempt(path: str | Path, *more: str | Path) -> Any:
            if Path(path).name in self.names:
                raise PermissionError(13, "held by another program", str(path))
            return act(path, *more)

        return attempt


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


def written(folder: Path) -> list[str]:
    """All lines, oldest first."""
    files = sorted(folder.glob(f"{NAME}*"), key=lambda file: file.name, reverse=True)
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("names", [{NAME}, {f"{NAME}.1"}, {f"{NAME}.3"}, {NAME, f"{NAME}.2"}])
def test_no_line_is_lost(tmp_path: Path, held: Held, names: set[str]) -> None:
    log = RotatingLogFile(tmp_path / NAME, max_bytes=200, backups=9)
    lines = [f"第 {number:03} 行" for number in range(60)]
    for number, line in enumerate(lines):
        held.names = names if 20 <= number < 40 else set()
        log.handle(logging.makeLogRecord({"msg": line}))
    log.close()
    assert written(tmp_path) == lines
    assert len(list(tmp_path.iterdir())) > 3
    assert (tmp_path / NAME).stat().st_size <= 200


def test_it_is_not_tried_with_every_line(tmp_path: Path, held: Held) -> None:
    log = RotatingLogFile(tmp_path / NAME, max_bytes=1000, backups=2)
    held.names = {NAME}
    for _ in range(100):
        log.handle(logging.makeLogRecord({"msg": "x" * 50}))
    assert log.maxBytes > 5000
    log.close()

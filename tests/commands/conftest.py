from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from commands.entry import run_command
from i18n.catalogues import Catalogues
from tests.admin.site import PROJECT
from tests.hub import TestHub
from tests.model_files.tiny_models import make_llm

MODEL = "OpenVINO/Tiny-int4-ov"
CATALOGUES = Catalogues(PROJECT / "locales")


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ended]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "資料 夾"
    folder.mkdir()
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_llm(tmp_path / "published", rt_info={"mode": "int4_sym", "group_size": "128"})


@pytest.fixture
def hub(model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestHub]:
    """A hub with one model, which the environment names as the one to ask."""
    with TestHub() as hub:
        hub.add_model(MODEL, model)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def command(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """`python main.py …` on `data_dir`, in this process."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = run_command([*arguments, "--data-dir", str(data_dir)])
        assert code is not None
        written = capsys.readouterr()
        return Ended(code, written.out, written.err)

    return run

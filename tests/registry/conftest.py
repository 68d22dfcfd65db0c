from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from model_registry import HubSettings, ModelRegistry
from tests.hub import TestHub
from tests.model_files.tiny_models import make_llm
from tests.registry.pulling import downloaders


@pytest.fixture(scope="session")
def running_hub() -> Iterator[TestHub]:
    with TestHub() as hub:
        yield hub


@pytest.fixture
def hub(running_hub: TestHub) -> TestHub:
    running_hub.reset()
    return running_hub


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's client as it is on a machine where nothing is set; loopback past any proxy."""
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model as it lies on the hub; its weights are large enough to be sent in several pieces."""
    return make_llm(tmp_path / "published", weights="f32", group=-1, rt_info={"mode": "int4_sym", "group_size": "128"})


@pytest.fixture
async def registry(tmp_path: Path, hub: TestHub) -> AsyncIterator[ModelRegistry]:
    registry = ModelRegistry(tmp_path / "數據 dir" / "models", hub=HubSettings(hub.url), retry_wait=0.01)
    yield registry
    await registry.stop()
    assert downloaders() == []

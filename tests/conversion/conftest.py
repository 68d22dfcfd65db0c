from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from conversion.conversions import Conversions
from model_registry import HubSettings, ModelRegistry
from tests.conversion.sources import make_source
from tests.conversion.stand_in import QUICK, StandInConverter
from tests.hub import TestHub

MODEL = Path(__file__).parents[1] / "models" / "test_chat"
ID = "Tiny/Llama-256"


@pytest.fixture(scope="session")
def running_hub() -> Iterator[TestHub]:
    with TestHub() as hub:
        yield hub


@pytest.fixture
def hub(running_hub: TestHub, tmp_path: Path) -> TestHub:
    """With one model in safetensors."""
    running_hub.reset()
    running_hub.add_model(ID, make_source(tmp_path / "published"))
    return running_hub


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "數據 dir"
    (folder / "models").mkdir(parents=True)
    return folder


@pytest.fixture
def registry(data_dir: Path, hub: TestHub) -> ModelRegistry:
    return ModelRegistry(data_dir / "models", hub=HubSettings(hub.url), retry_wait=0.01)


@pytest.fixture
def converter(data_dir: Path) -> StandInConverter:
    return StandInConverter(data_dir, MODEL)


@pytest.fixture
async def conversions(registry: ModelRegistry, converter: StandInConverter) -> AsyncIterator[Conversions]:
    """Without loading what comes out."""
    conversions = Conversions(registry, converter, verification=QUICK, retry_wait=0.01)
    yield conversions
    await conversions.stop()


@pytest.fixture
async def verifying(registry: ModelRegistry, converter: StandInConverter) -> AsyncIterator[Conversions]:
    """With the true verification."""
    conversions = Conversions(registry, converter, retry_wait=0.01)
    yield conversions
    await conversions.stop()

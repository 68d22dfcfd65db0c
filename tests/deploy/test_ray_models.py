"""What a node lacks is pulled before its replica answers, as the registry pulls it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from configuration.device_config import DEMO_MODEL_ID, ModelAssignment
from deploy.ray.models import ModelMissing, present_models
from registry.settings import HubSettings, SettingsFile
from tests.hub import TestHub
from tests.model_files.tiny_models import make_llm

ID = "OpenVINO/Tiny-int4-ov"
MODEL = ModelAssignment(id=ID, path="models/OpenVINO_Tiny-int4-ov")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestHub]:
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with TestHub() as hub:
        yield hub


@pytest.fixture
def node(tmp_path: Path, hub: TestHub) -> Path:
    """A node's data directory, which knows the hub."""
    node = tmp_path / "節點 1"
    node.mkdir()
    SettingsFile(node / "hub_settings.json").save(HubSettings(hub.url))
    return node


async def test_a_missing_model_is_pulled_once_for_all_replicas(node: Path, hub: TestHub, tmp_path: Path) -> None:
    hub.add_model(ID, make_llm(tmp_path / "published"))
    await asyncio.gather(*(present_models([MODEL], node) for _ in range(3)))
    assert (node / MODEL.path / "openvino_model.bin").is_file()


async def test_a_model_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / MODEL.path).mkdir(parents=True)
    assert await present_models([MODEL], tmp_path) == [MODEL]
    assert not (tmp_path / ".pull.lock").exists()


async def test_the_demo_model_comes_with_the_program(tmp_path: Path) -> None:
    demo = ModelAssignment(id=DEMO_MODEL_ID, path="models/demo_server-guide")
    [present] = await present_models([demo], tmp_path)
    assert (tmp_path / present.path / "openvino_model.bin").is_file()


async def test_one_that_cannot_be_pulled_is_named(node: Path) -> None:
    with pytest.raises(ModelMissing, match="could not be pulled"):
        await present_models([MODEL], node)


async def test_a_path_that_no_pull_makes_is_named(node: Path, hub: TestHub, tmp_path: Path) -> None:
    hub.add_model(ID, make_llm(tmp_path / "published"))
    with pytest.raises(ModelMissing, match="models/elsewhere"):
        await present_models([MODEL.model_copy(update={"path": "models/elsewhere"})], node)

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from administration.service import Administration
from configuration.device_config import ConfigStore, Configuration, DeviceSettings
from configuration.gateway_config import GATEWAY_FILE, GatewayAlias, GatewaySettings, GatewayStore
from model_registry import ModelRegistry
from tests.admin.site import add_model
from tests.model_files.tiny_models import make_llm

MODEL, OTHER, BUNDLED = "org/model", "org/other", "demo/bundled"


@dataclass(frozen=True)
class Place:
    """A data directory whose suite does not run."""

    data_dir: Path
    administration: Administration

    @property
    def store(self) -> ConfigStore:
        return self.administration.store

    @property
    def gateway(self) -> GatewayStore:
        return GatewayStore(self.data_dir / GATEWAY_FILE)

    def configure(self, **devices: DeviceSettings) -> None:
        self.store.save(Configuration(devices=devices))

    def alias(self, **aliases: GatewayAlias) -> None:
        self.gateway.change(lambda _: GatewaySettings(aliases=aliases))

    def files(self) -> dict[str, bytes]:
        """What a refusal must leave as it is."""
        return {path.name: path.read_bytes() for path in self.data_dir.glob("*.json")}

    def models(self, device: str) -> list[str]:
        return [model.id for model in self.store.load().devices[device].models]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llm(tmp_path_factory.mktemp("published") / "model")


@pytest.fixture
def place(tmp_path: Path, model_folder: Path) -> Place:
    """Two devices without models; two models on the disk and one that comes with the program."""
    data_dir = tmp_path / "資料 夾"
    bundled = tmp_path / "demo_bundled"
    shutil.copytree(model_folder, bundled)
    registry = ModelRegistry(data_dir / "models", bundled_dir=bundled)
    place = Place(
        data_dir, Administration(data_dir, store=ConfigStore(data_dir / "device_config.json"), registry=registry)
    )
    for model_id in (MODEL, OTHER):
        add_model(data_dir / "models", model_id, model_folder)
    place.configure(gpu=device(1), npu=device(2, device="NPU"))
    return place


def device(port: int, **settings: Any) -> DeviceSettings:
    known: Mapping[str, Any] = {"device": "GPU", **settings}
    return DeviceSettings(port=port, **known)

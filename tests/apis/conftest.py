"""Two device servers: one with real models in real workers, one whose model says what the test wants."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from configuration.device_config import ConfigStore, Configuration, DeviceSettings, ModelAssignment
from configuration.server_config import ServerConfig
from hardware.devices import DeviceInfo
from instances.handle import Instance
from instances.protocol import LoadModel
from server_app import build_device_server, create_app
from tests.apis.servers import CHAT, EMBEDDING, MODELS, QWEN_RERANKER, RERANKER, VISION, Script, serving
from tests.support.ports import free_port

_CPU = [DeviceInfo("CPU", "Test CPU", None)]
_TEST_MODELS = [
    ModelAssignment(id=model, path=str(MODELS / model.replace("/", "_")), max_concurrent=4)
    for model in (CHAT, EMBEDDING, RERANKER, QWEN_RERANKER, VISION)
]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a server with a chat model, an embedding model and a reranker of random weights."""
    with serving(make_app(tmp_path_factory.mktemp("device"))) as url:
        yield url


@pytest.fixture(scope="session")
def _scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Script]]:
    script = Script()
    with serving(make_app(tmp_path_factory.mktemp("scripted"), script.instance_maker())) as url:
        yield url, script


@pytest.fixture
def script(_scripted: tuple[str, Script]) -> Script:
    """What the model behind `scripted` says, fresh for each test."""
    _scripted[1].reset()
    return _scripted[1]


@pytest.fixture
def scripted(_scripted: tuple[str, Script], script: Script) -> str:
    """The base URL of a server whose chat model says what `script` holds."""
    return _scripted[0]


def make_app(
    data_dir: Path,
    make_instance: Callable[[LoadModel], Instance] = Instance,
    *,
    models: Sequence[ModelAssignment] = _TEST_MODELS,
    server_config: ServerConfig | None = None,
    **settings: Any,
) -> FastAPI:
    """A device server without an admin server beside it. `settings` are fields of DeviceSettings."""
    gpu = DeviceSettings(port=11435, device="GPU", models=list(models), **settings)
    store = ConfigStore(data_dir / "device_config.json")
    store.save(Configuration(devices={"gpu": gpu}))
    device = build_device_server("gpu", store.load(), data_dir, _CPU, store=store, make_instance=make_instance)
    return create_app(device, host="127.0.0.1", admin_port=free_port(), server_config=server_config)

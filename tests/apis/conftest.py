"""Two device servers: one with real models in real workers, one whose model says what the test wants."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.config import Configuration, DeviceSettings, ModelAssignment
from devices.hardware import DeviceInfo
from server_app import build_device_server, create_app
from tests.admin.site import free_port
from tests.apis.servers import CHAT, EMBEDDING, MODELS, RERANKER, Script, serving

_CPU = [DeviceInfo("CPU", "Test CPU", None)]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a server with a chat model, an embedding model and a reranker of random weights."""
    configuration = _configuration(tmp_path_factory.mktemp("device"))
    device = build_device_server("gpu", configuration, tmp_path_factory.mktemp("data"), _CPU)
    with serving(create_app(device, host="127.0.0.1", admin_port=free_port())) as url:
        yield url


@pytest.fixture(scope="session")
def _scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Script]]:
    script = Script()
    data = tmp_path_factory.mktemp("scripted")
    device = build_device_server("gpu", _configuration(data), data, _CPU, make_instance=script.instance_maker())
    with serving(create_app(device, host="127.0.0.1", admin_port=free_port())) as url:
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


def _configuration(directory: Path) -> Configuration:
    models = [
        ModelAssignment(id=model, path=str(MODELS / model.replace("/", "_")), max_concurrent=4)
        for model in (CHAT, EMBEDDING, RERANKER)
    ]
    return Configuration(devices={"gpu": DeviceSettings(port=11435, device="GPU", models=models)})

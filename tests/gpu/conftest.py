"""Device servers whose GPU is the stand-in. The first run compiles kernels for minutes; later ones find them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gpu_stand_in.environment import SETUP_COMMAND, is_set_up, stand_in_environment
from tests.support.launch import DeviceProcess, demo_model, device_process

FIRST_LOAD_SECONDS = 900
MODELS = Path(__file__).parents[1] / "models"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.gpu)
            item.add_marker(pytest.mark.timeout(2 * FIRST_LOAD_SECONDS))


@pytest.fixture(scope="session", autouse=True)
def stand_in() -> None:
    """Whoever asks for these tests is told what is missing, rather than that they were skipped."""
    if not is_set_up():
        pytest.fail(f"The GPU stand-in is not set up here: {SETUP_COMMAND} --apt", pytrace=False)


def preload(server: DeviceProcess, *names: str) -> None:
    """Load models, however long their kernels take to compile."""
    for name in names:
        server.client.post(f"/model/preload/{name}/1", timeout=FIRST_LOAD_SECONDS).raise_for_status()


@contextmanager
def gpu_server(
    data_dir: Path, models: list[dict[str, Any]], *, device: str = "GPU", options: Mapping[str, object] | None = None
) -> Iterator[DeviceProcess]:
    """`options` are the stand-in's (tests/gpu_stand_in/layer/settings.c)."""
    variables = stand_in_environment(options)
    with device_process(data_dir, models=models, device=device, fallback_device=None, variables=variables) as server:
        yield server


def small_model(kind: str, **settings: Any) -> dict[str, Any]:
    """One of the test models, with random weights, as an entry of a device's `models`."""
    return {"id": f"test/{kind}", "path": str(MODELS / f"test_{kind}"), "max_concurrent": 4, **settings}


@pytest.fixture(scope="session")
def gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceProcess]:
    """Every kind of model on the stand-in."""
    with gpu_server(tmp_path_factory.mktemp("gpu 伺服器"), every_kind()) as server:
        yield server


@pytest.fixture(scope="session")
def cpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceProcess]:
    """The same models on the CPU, computed as exactly as it can."""
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    models = [{**model, "extra_config": {**model.get("extra_config", {}), **exact}} for model in every_kind()]
    with device_process(tmp_path_factory.mktemp("cpu"), name="cpu", models=models) as server:
        yield server


def every_kind() -> list[dict[str, Any]]:
    plain = {**demo_model(pipeline="llm_pipeline", max_concurrent=1), "id": "demo/plain"}
    others = [small_model(kind) for kind in ("vision", "reranker", "qwen_reranker")]
    mean = {**small_model("embedding"), "id": "test/mean_embedding"}
    return [demo_model(), plain, *others, small_model("embedding", pooling="cls"), mean]

"""One device server on the CPU, and one that runs the NPU's pipeline there, for each test process."""

from collections.abc import Iterator

import pytest

from tests.support.launch import NPU_ON_CPU, DeviceProcess, demo_model, device_process


@pytest.fixture(scope="session")
def gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceProcess]:
    with device_process(tmp_path_factory.mktemp("gpu 伺服器"), models=[demo_model(max_concurrent=32)]) as server:
        yield server


@pytest.fixture(scope="session")
def npu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceProcess]:
    extra = {**NPU_ON_CPU, "MIN_RESPONSE_LEN": 128}
    model = demo_model(max_prompt_len=256, max_concurrent=2, extra_config=extra)
    with device_process(tmp_path_factory.mktemp("npu"), name="npu", models=[model]) as server:
        yield server


@pytest.fixture(params=["gpu", "npu"])
def server(request: pytest.FixtureRequest) -> DeviceProcess:
    """Each of the two in turn."""
    return request.getfixturevalue(request.param)

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from configuration.device_config import ConfigStore, Configuration, DeviceSettings, ModelAssignment
from supervision.python import python_command
from supervision.suite import DeviceStatus, Launch, Suite, Timing
from tests.helpers import eventually
from tests.support.ports import free_port

PROJECT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("child_server.py")
QUICK = Timing(
    first_pause=0.05,
    longest_pause=0.2,
    attempts=3,
    poll=0.05,
    poll_while_starting=0.05,
    ask=5,
    insist=1,
    port_wait=5,
)


async def until_state(suite: Suite, state: str, name: str = "gpu") -> DeviceStatus:
    await eventually(lambda: suite.status(name).state == state, lambda: suite.status(name))
    return suite.status(name)


def device(port: int, *, enabled: bool = True, models: int = 1) -> DeviceSettings:
    assigned = [ModelAssignment(id=f"demo/model-{number}", path="models/none") for number in range(models)]
    return DeviceSettings(enabled=enabled, port=port, device="CPU", models=assigned)


def url(status: DeviceStatus, path: str = "/health", host: str = "127.0.0.1") -> str:
    return f"http://{host}:{status.port}{path}"


async def get(
    status: DeviceStatus, path: str = "/health", host: str = "127.0.0.1", seconds: float = 20
) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=seconds) as client:
        return await client.get(url(status, path, host))


def edit(tmp_path: Path, **settings: DeviceSettings) -> ConfigStore:
    store = ConfigStore(tmp_path / "資料 夾" / "device_config.json")
    configuration = store.load()
    store.save(configuration.model_copy(update={"devices": {**configuration.devices, **settings}}))
    return store


StartSuite = Callable[..., Awaitable[Suite]]


@pytest.fixture
async def start_suite(tmp_path: Path) -> AsyncIterator[StartSuite]:
    """Start a suite of test servers in a data directory of its own; it is stopped at the end."""
    async with AsyncExitStack() as stack:

        async def start(
            fault: str = "none", *, timing: Timing = QUICK, run_devices: bool = True, **devices: DeviceSettings
        ) -> Suite:
            data_dir = tmp_path / "資料 夾"
            store = ConfigStore(data_dir / "device_config.json")
            store.save(Configuration(devices=devices or {"gpu": device(free_port())}))
            launch = Launch(PROJECT, data_dir, program=python_command(str(CHILD), "--fault", fault))
            suite = Suite(store, launch, timing=timing, run_devices=run_devices)
            await suite.start()
            stack.push_async_callback(suite.stop)
            return suite

        yield start

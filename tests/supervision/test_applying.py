"""The running device servers follow the configuration when it is applied."""

import asyncio
import json
from pathlib import Path

import httpx
import psutil
import pytest

from configuration.device_config import ConfigError, ConfigStore, ModelAssignment
from supervision.suite import Suite, UnknownDevice
from tests.helpers import gone
from tests.supervision.conftest import StartSuite, device, edit, get, until_state
from tests.support.ports import free_port


async def test_apply_follows_the_configuration(start_suite: StartSuite, tmp_path: Path) -> None:
    suite = await start_suite()
    first = await until_state(suite, "running")

    edit(tmp_path, gpu=device(free_port()))
    await suite.apply("gpu")
    moved = await until_state(suite, "running")
    assert moved.port != first.port
    with pytest.raises(httpx.ConnectError):
        await get(first)

    edit(tmp_path, gpu=device(moved.port, enabled=False))
    await suite.apply("gpu")
    assert suite.status("gpu").state == "disabled"
    with pytest.raises(httpx.ConnectError):
        await get(moved)

    edit(tmp_path, gpu=device(moved.port, models=0))
    await suite.apply("gpu")
    assert suite.status("gpu").state == "no_models"

    edit(tmp_path, gpu=device(moved.port))
    await suite.apply("gpu")
    await until_state(suite, "running")


async def test_devices_can_be_added_and_removed(start_suite: StartSuite, tmp_path: Path) -> None:
    suite = await start_suite()
    store = edit(tmp_path, cpu=device(free_port()))
    await suite.apply("cpu")
    added = await until_state(suite, "running", "cpu")

    configuration = store.load()
    store.save(configuration.model_copy(update={"devices": {"gpu": configuration.devices["gpu"]}}))
    await suite.apply("cpu")
    assert [status.name for status in suite.statuses()] == ["gpu"]
    assert added.pid is not None
    assert gone(added.pid)
    with pytest.raises(UnknownDevice, match=r'"cpu".*gpu'):
        await suite.apply("cpu")
    with pytest.raises(UnknownDevice):
        suite.health("cpu")


async def test_a_broken_configuration_leaves_the_last_good_one_running(start_suite: StartSuite, tmp_path: Path) -> None:
    suite = await start_suite()
    await until_state(suite, "running")
    path = tmp_path / "資料 夾" / "device_config.json"
    path.write_text("{ half", encoding="utf-8")
    await suite.apply("gpu")
    await until_state(suite, "running")
    health = suite.health("gpu")
    assert health is not None
    arguments = json.loads(health.device_name)
    used = Path(arguments[arguments.index("--config") + 1])
    assert ConfigStore(used).load().devices["gpu"].port == suite.status("gpu").port
    assert path.read_text(encoding="utf-8") == "{ half"


async def test_a_suite_without_any_configuration_says_so(start_suite: StartSuite, tmp_path: Path) -> None:
    suite = await start_suite(run_devices=False)
    store = ConfigStore(tmp_path / "empty" / "device_config.json")
    with pytest.raises(FileNotFoundError):
        await Suite(store, suite._launch).start()
    store.path.parent.mkdir()
    store.path.write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigError):
        await Suite(store, suite._launch).start()


async def test_apply_goes_on_when_its_caller_is_cancelled(start_suite: StartSuite, tmp_path: Path) -> None:
    suite = await start_suite()
    await until_state(suite, "running")
    edit(tmp_path, gpu=device(free_port()).model_copy(update={"models": [ModelAssignment(id="a/b", path="x")]}))
    caller = asyncio.create_task(suite.apply("gpu"))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await suite.apply("gpu")
    assert (await until_state(suite, "running")).last_error is None


async def test_applies_in_a_row_end_with_one_process(start_suite: StartSuite) -> None:
    of_other_tests = set(psutil.Process().children())
    suite = await start_suite()
    await asyncio.gather(*(suite.apply("gpu") for _ in range(4)))
    status = await until_state(suite, "running")
    children = set(psutil.Process().children()) - of_other_tests
    assert [child.pid for child in children if child.status() != psutil.STATUS_ZOMBIE] == [status.pid]

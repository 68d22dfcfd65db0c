"""The admin server is killed in the middle of a conversion: nothing is half there, and the disk is given back."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from conversion.conversions import Conversions
from model_registry import HubSettings, ModelRegistry
from tests.conversion.conftest import ID, MODEL
from tests.conversion.stand_in import QUICK, StandInConverter
from tests.helpers import wait_until
from tests.hub import TestHub

pytestmark = pytest.mark.long

PROJECT = Path(__file__).resolve().parents[2]
MOMENTS = ("downloading", "installing", "converting", "verifying", "describing")


async def killed(data_dir: Path, hub: TestHub, moment: str) -> None:
    """A conversion whose process was killed at that moment, with everything it had started gone."""
    command = [sys.executable, "-m", "tests.conversion.admin", str(data_dir), hub.url, str(MODEL), moment]
    reached, _ = hub.faults.hold("model.safetensors" if moment == "downloading" else "nothing", 50_000)
    admin = await asyncio.create_subprocess_exec(*command, cwd=PROJECT)
    held = reached.is_set if moment == "downloading" else (data_dir / "held").exists
    await asyncio.to_thread(wait_until, held)
    children = psutil.Process(admin.pid).children(recursive=True)
    admin.kill()
    await admin.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, 15)
    assert not alive
    hub.faults.release_all()
    (data_dir / "held").unlink(missing_ok=True)
    (data_dir / "orders.json").unlink(missing_ok=True)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_killed_conversion_is_listed_nowhere_and_goes_on(data_dir: Path, hub: TestHub, moment: str) -> None:
    await killed(data_dir, hub, moment)
    registry = ModelRegistry(data_dir / "models", hub=HubSettings(hub.url), retry_wait=0.01)
    assert registry.local_models() == []
    await registry.start()
    again = Conversions(registry, StandInConverter(data_dir, MODEL), verification=QUICK, retry_wait=0.01)
    (job,) = again.jobs()
    assert job.state == "queued"
    again.start()
    assert (await again.settled(job.id)).state == "ready"
    assert [model.id for model in registry.local_models()] == [f"{ID}-int4-ov"]
    assert (await registry.verify(f"{ID}-int4-ov")).intact
    assert files(data_dir / "models" / ".partial") == {"conversions.json"}
    await registry.stop()


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_killed_conversion_that_is_cancelled_leaves_nothing(data_dir: Path, hub: TestHub, moment: str) -> None:
    await killed(data_dir, hub, moment)
    registry = ModelRegistry(data_dir / "models", hub=HubSettings(hub.url), retry_wait=0.01)
    again = Conversions(registry, StandInConverter(data_dir, MODEL), verification=QUICK, retry_wait=0.01)
    (job,) = again.jobs()
    again.cancel(job.id)
    await again.settled(job.id)
    assert files(data_dir / "models") == {".partial/conversions.json"}
    assert again.converter.installed or not again.converter.folder.exists()


async def test_a_folder_that_no_list_knows_is_deleted(data_dir: Path, hub: TestHub) -> None:
    await killed(data_dir, hub, "converting")
    partial = data_dir / "models" / ".partial"
    (partial / "conversions.json").unlink()
    registry = ModelRegistry(data_dir / "models", hub=HubSettings(hub.url))
    again = Conversions(registry, StandInConverter(data_dir, MODEL))
    again.start()
    assert again.jobs() == []
    assert files(partial) == set()


async def test_what_was_exported_is_not_exported_again(data_dir: Path, hub: TestHub) -> None:
    await killed(data_dir, hub, "describing")
    registry = ModelRegistry(data_dir / "models", hub=HubSettings(hub.url), retry_wait=0.01)
    converter = StandInConverter(data_dir, MODEL)
    converter.order(fail="exported again")
    again = Conversions(registry, converter, verification=QUICK, retry_wait=0.01)
    again.start()
    assert (await again.settled(again.jobs()[0].id)).state == "ready"

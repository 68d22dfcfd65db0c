"""Pulls that are stopped half way: by their user, by a killed process, by a restart."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest
from filelock import FileLock, Timeout

from model_registry import ModelRegistry
from tests.hub import TestHub
from tests.registry.pulling import ID, WEIGHTS, contents, downloaders, half_pulled, on_disk, pulled

PROJECT = Path(__file__).resolve().parents[2]


def below(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


async def test_a_killed_downloader_is_started_again_where_it_was(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    job, release = await half_pulled(registry, hub, model)
    (child,) = downloaders()
    child.kill()
    release.set()
    job = await registry.settled(job.id)
    assert job.state == "ready"
    assert contents(registry.find(ID).path) == contents(model)


async def test_a_restart_of_the_admin_goes_on_with_its_jobs(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    job, release = await half_pulled(registry, hub, model)
    await registry.stop()
    release.set()
    hub.requests.clear()
    again = ModelRegistry(registry.models_dir, hub=registry.hub, retry_wait=0.01)
    assert again.job(job.id).state == "queued"
    assert not again.local_models()
    await again.start()
    assert (await again.settled(job.id)).state == "ready"
    assert contents(again.find(ID).path) == contents(model)
    assert all(seen.range for seen in hub.files_asked(WEIGHTS))


async def test_cancel_frees_the_space(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    job, _ = await half_pulled(registry, hub, model)
    assert registry.cancel(job.id).state == "cancelled"
    await registry.settled(job.id)
    assert below(registry.models_dir) == {".partial/jobs.json"}


async def test_a_model_can_be_pulled_right_after_its_cancel(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    job, release = await half_pulled(registry, hub, model)
    registry.cancel(job.id)
    release.set()
    assert (await pulled(registry)).state == "ready"
    assert contents(registry.find(ID).path) == contents(model)


async def test_pause_keeps_the_bytes_and_resume_goes_on(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    job, release = await half_pulled(registry, hub, model)
    assert registry.pause(job.id).state == "paused"
    await registry.settled(job.id)
    release.set()
    hub.requests.clear()
    registry.resume(job.id)
    assert (await registry.settled(job.id)).state == "ready"
    assert all(seen.range for seen in hub.files_asked(WEIGHTS))
    local = registry.find(ID)
    assert contents(local.path) == contents(model)
    assert local.metadata is not None
    assert local.metadata.revision == "main"


async def test_a_download_goes_on_with_its_commit_though_the_branch_has_moved(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    began = hub.add_model(ID, model)
    held, release = hub.faults.hold(WEIGHTS, 100_000)
    job = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 100_000)
    registry.pause(job.id)
    await registry.settled(job.id)
    (model / "README.md").write_text("moved on", encoding="utf-8")
    latest = hub.add_model(ID, model)
    release.set()
    assert registry.pull(ID).id == job.id
    assert (await registry.settled(job.id)).commit == began
    assert (await registry.check_update(ID)).latest == latest
    assert (await registry.verify(ID)).intact


async def test_the_downloader_ends_with_its_parent(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    _, _ = await half_pulled(registry, hub, model)
    (child,) = downloaders()
    await registry.stop()
    assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE


async def test_a_killed_admin_leaves_no_downloader_and_the_next_one_goes_on(
    registry: ModelRegistry, hub: TestHub, model: Path, tmp_path: Path
) -> None:
    hub.add_model(ID, model)
    held, release = hub.faults.hold(WEIGHTS, 100_000)
    script = tmp_path / "admin.py"
    script.write_text(
        "import asyncio, pathlib, sys\n"
        "from model_registry import HubSettings, ModelRegistry\n"
        "async def main():\n"
        "    registry = ModelRegistry(pathlib.Path(sys.argv[1]), hub=HubSettings(sys.argv[2]))\n"
        f"    await registry.settled(registry.pull('{ID}').id)\n"
        "asyncio.run(main())\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(script), str(registry.models_dir), hub.url]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    admin = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, env=environment)
    await asyncio.to_thread(on_disk, registry, held, 100_000)
    (child,) = psutil.Process(admin.pid).children()
    admin.kill()
    await admin.wait()
    await asyncio.to_thread(psutil.wait_procs, [child], 10)
    assert not child.is_running()
    release.set()
    hub.requests.clear()
    again = ModelRegistry(registry.models_dir, hub=registry.hub, retry_wait=0.01)
    assert not again.local_models()
    await again.start()
    assert (await again.settled(again.jobs()[0].id)).state == "ready"
    assert contents(again.find(ID).path) == contents(model)
    assert all(seen.range for seen in hub.files_asked(WEIGHTS))


async def test_a_partial_download_that_no_list_knows_is_found_again(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    job, release = await half_pulled(registry, hub, model)
    registry.pause(job.id)
    await registry.settled(job.id)
    (registry.models_dir / ".partial" / "jobs.json").unlink()
    again = ModelRegistry(registry.models_dir, hub=registry.hub, retry_wait=0.01)
    await again.start()
    (found,) = again.jobs()
    assert (found.model_id, found.state) == (ID, "paused")
    again.cancel(found.id)
    await again.settled(found.id)
    assert below(registry.models_dir) == {".partial/jobs.json"}
    again.dismiss(found.id)
    assert again.jobs() == []
    release.set()


async def test_two_processes_do_not_write_to_one_download(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    first, release = await half_pulled(registry, hub, model)
    partial = registry.models_dir / ".partial" / "OpenVINO_Tiny-int4-ov"
    with pytest.raises(Timeout):
        FileLock(f"{partial}.lock", timeout=0).acquire()
    release.set()
    assert (await registry.settled(first.id)).state == "ready"

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from filelock import FileLock, Timeout

from model_registry import Conflict, HubSettings, ModelNotFound, ModelRegistry, PullJob
from tests.hub import TestHub

ID = "OpenVINO/Tiny-int4-ov"
WEIGHTS = "openvino_model.bin"
PROJECT = Path(__file__).resolve().parents[2]


async def pulled(registry: ModelRegistry, model_id: str = ID, revision: str | None = None) -> PullJob:
    return await registry.settled(registry.pull(model_id, revision).id)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != "metadata.json"
    }


def on_disk(registry: ModelRegistry, held: threading.Event, count: int) -> None:
    """Wait until the hub has stopped sending and what it sent has been written."""
    held.wait()
    part = registry.models_dir / ".partial" / ID.replace("/", "_") / f"{WEIGHTS}.part"
    while part.stat().st_size < count:
        time.sleep(0.01)


def below(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


async def test_a_pulled_model_is_the_published_one(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    commit = hub.add_model(ID, model)
    job = await pulled(registry)
    assert (job.state, job.commit, job.error) == ("ready", commit, None)
    assert job.bytes_done == job.bytes_total == sum(len(data) for data in contents(model).values())
    local = registry.find(ID)
    assert local.complete
    assert local.path == registry.models_dir / "OpenVINO_Tiny-int4-ov"
    assert contents(local.path) == contents(model)
    metadata = json.loads((local.path / "metadata.json").read_text(encoding="utf-8"))
    assert (metadata["model_id"], metadata["commit"], metadata["revision"]) == (ID, commit, "main")
    assert metadata["source"] == hub.url
    assert {file["path"] for file in metadata["files"]} == set(contents(model))


async def test_only_what_a_model_needs_is_pulled(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    code = {
        "modeling.py": b"1",
        "x.pickle": b"1",
        "model.safetensors": b"1",
        "pytorch_model.bin": b"1",
        "a/b.json": b"{}",
    }
    hub.add_model(ID, model, extra=code | {"metadata.json": b"{}", "LICENSE": b"text", ".gitattributes": b"x"})
    await pulled(registry)
    assert set(contents(registry.find(ID).path)) == set(contents(model)) | {"LICENSE"}


async def test_a_branch_and_a_commit_can_be_asked_for(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    old = hub.add_model(ID, model)
    (model / "README.md").write_text("new", encoding="utf-8")
    new = hub.add_model(ID, model, branch="next")
    assert (await pulled(registry, revision=old)).commit == old
    assert (await pulled(registry, revision="next")).commit == new
    assert (registry.find(ID).path / "README.md").read_text(encoding="utf-8") == "new"


async def test_an_update_fetches_only_what_changed(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    await pulled(registry)
    (model / "README.md").write_text("new", encoding="utf-8")
    hub.add_model(ID, model)
    hub.requests.clear()
    await pulled(registry)
    assert contents(registry.find(ID).path) == contents(model)
    assert not hub.files_asked(WEIGHTS)


async def test_a_connection_cut_twenty_times_ends_in_the_same_bytes(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    hub.add_model(ID, model)
    size = (model / WEIGHTS).stat().st_size
    cuts = sorted(random.Random(20).sample(range(1, size), 20))
    hub.faults.cut(WEIGHTS, cuts)
    job = await pulled(registry)
    assert job.state == "ready"
    assert contents(registry.find(ID).path) == contents(model)
    ranges = [seen.range for seen in hub.files_asked(WEIGHTS) if seen.path.startswith("/cdn/")]
    assert len(ranges) == 21
    assert None not in ranges[1:]


async def test_a_killed_downloader_is_started_again_where_it_was(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    hub.add_model(ID, model)
    before, release = hub.faults.hold(WEIGHTS, 100_000)
    job = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, before, 100_000)
    (child,) = [p for p in psutil.Process().children() if "registry.downloader" in p.cmdline()]
    child.kill()
    release.set()
    job = await registry.settled(job.id)
    assert job.state == "ready"
    assert contents(registry.find(ID).path) == contents(model)


async def test_a_restart_of_the_admin_goes_on_with_its_jobs(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    held, release = hub.faults.hold(WEIGHTS, 100_000)
    job = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 100_000)
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


async def test_a_corrupted_file_is_fetched_again(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    hub.faults.corrupt(WEIGHTS, [5])
    hub.faults.corrupt("config.json", [5])
    assert (await pulled(registry)).state == "ready"
    assert contents(registry.find(ID).path) == contents(model)


async def test_a_file_that_stays_corrupt_never_becomes_ready(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    hub.add_model(ID, model)
    hub.faults.corrupt(WEIGHTS, [5] * 10)
    job = await pulled(registry)
    assert job.state == "failed"
    assert job.error is not None
    assert WEIGHTS in job.error.message
    assert not registry.local_models()


async def test_a_half_model_is_not_listed(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    held, release = hub.faults.hold(WEIGHTS, 50_000)
    job = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 50_000)
    assert registry.job(job.id).state == "downloading"
    assert not registry.local_models()
    with pytest.raises(ModelNotFound):
        registry.find(ID)
    release.set()
    await registry.settled(job.id)
    assert registry.find(ID).complete


async def test_two_pulls_of_one_model_are_one_job(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    first, second = registry.pull(ID), registry.pull(ID)
    assert first.id == second.id
    await registry.settled(first.id)
    assert len([seen for seen in hub.files_asked(WEIGHTS) if seen.path.startswith("/cdn/")]) == 1


async def test_cancel_frees_the_space(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    held, _ = hub.faults.hold(WEIGHTS, 50_000)
    job = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 50_000)
    assert registry.cancel(job.id).state == "cancelled"
    await registry.settled(job.id)
    assert below(registry.models_dir) == {".partial/jobs.json"}


async def test_a_model_can_be_pulled_right_after_its_cancel(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    held, release = hub.faults.hold(WEIGHTS, 50_000)
    job = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 50_000)
    registry.cancel(job.id)
    release.set()
    assert (await pulled(registry)).state == "ready"
    assert contents(registry.find(ID).path) == contents(model)


async def test_pause_keeps_the_bytes_and_resume_goes_on(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    held, release = hub.faults.hold(WEIGHTS, 100_000)
    job = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 100_000)
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


async def test_the_limit_holds_and_the_queue_moves(tmp_path: Path, hub: TestHub, model: Path) -> None:
    registry = ModelRegistry(tmp_path / "m", hub=HubSettings(hub.url), pull_limit=1)
    hub.add_model(ID, model)
    hub.add_model("OpenVINO/Other", model)
    held, release = hub.faults.hold(WEIGHTS, 50_000)
    first, second = registry.pull(ID), registry.pull("OpenVINO/Other")
    await asyncio.to_thread(on_disk, registry, held, 50_000)
    assert registry.job(second.id).state == "queued"
    release.set()
    assert [(await registry.settled(job.id)).state for job in (first, second)] == ["ready", "ready"]


async def test_a_busy_hub_is_asked_again(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    hub.faults.answer(WEIGHTS, [503, 429, 502])
    assert (await pulled(registry)).state == "ready"


async def test_the_token_stands_in_no_argument_environment_or_file(hub: TestHub, model: Path, tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path / "m", hub=HubSettings(hub.url, "hf_good"))
    hub.add_model(ID, model, gated=True)
    held, release = hub.faults.hold(WEIGHTS, 50_000)
    job = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 50_000)
    (child,) = [p for p in psutil.Process().children() if "registry.downloader" in p.cmdline()]
    assert "hf_good" not in str(child.cmdline())
    assert "hf_good" not in str(child.environ())
    release.set()
    await registry.settled(job.id)
    assert not [path for path in (tmp_path / "m").rglob("*") if path.is_file() and b"hf_good" in path.read_bytes()]
    assert "hf_good" not in repr(registry.hub)


async def test_the_token_goes_to_the_hub_and_not_to_its_cdn(hub: TestHub, model: Path, tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path / "m", hub=HubSettings(hub.url, "hf_good"))
    hub.add_model(ID, model)
    await pulled(registry)
    assert {seen.authorization for seen in hub.requests if not seen.path.startswith("/cdn/")} == {"Bearer hf_good"}
    assert {seen.authorization for seen in hub.requests if seen.path.startswith("/cdn/")} == {None}


async def test_the_downloader_ends_with_its_parent(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    held, _ = hub.faults.hold(WEIGHTS, 50_000)
    registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 50_000)
    (child,) = [p for p in psutil.Process().children() if "registry.downloader" in p.cmdline()]
    await registry.stop()
    assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE


def test_no_process_is_left(hub: TestHub) -> None:
    assert not [p for p in psutil.Process(os.getpid()).children() if "registry.downloader" in p.cmdline()]


async def test_a_killed_admin_leaves_no_downloader_and_the_next_one_goes_on(
    registry: ModelRegistry, hub: TestHub, model: Path, tmp_path: Path
) -> None:
    hub.add_model(ID, model)
    held, release = hub.faults.hold(WEIGHTS, 100_000)
    script = tmp_path / "admin.py"
    script.write_text(
        "import asyncio, pathlib, sys\n"
        "from model_registry import Conflict, HubSettings, ModelRegistry\n"
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
    hub.add_model(ID, model)
    held, release = hub.faults.hold(WEIGHTS, 100_000)
    job = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 100_000)
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
    hub.add_model(ID, model)
    held, release = hub.faults.hold(WEIGHTS, 50_000)
    first = registry.pull(ID)
    await asyncio.to_thread(on_disk, registry, held, 50_000)
    partial = registry.models_dir / ".partial" / "OpenVINO_Tiny-int4-ov"
    with pytest.raises(Timeout):
        FileLock(f"{partial}.lock", timeout=0).acquire()
    release.set()
    assert (await registry.settled(first.id)).state == "ready"


async def test_a_folder_put_there_by_hand_is_not_overwritten(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    hub.add_model(ID, model)
    shutil.copytree(model, registry.models_dir / "OpenVINO_Tiny-int4-ov")
    with pytest.raises(Conflict, match="by hand"):
        registry.pull(ID)

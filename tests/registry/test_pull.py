"""Pulls from a hub: what arrives, from where, and through which faults of the line."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from pathlib import Path

import pytest

from model_registry import HubSettings, LocalModelNotFound, ModelRegistry, RegistryConflict
from tests.hub import TestHub
from tests.registry.pulling import ID, WEIGHTS, contents, downloaders, on_disk, pulled


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
    with pytest.raises(LocalModelNotFound):
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
    (child,) = downloaders()
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


async def test_a_folder_put_there_by_hand_is_not_overwritten(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    hub.add_model(ID, model)
    shutil.copytree(model, registry.models_dir / "OpenVINO_Tiny-int4-ov")
    with pytest.raises(RegistryConflict, match="by hand"):
        registry.pull(ID)

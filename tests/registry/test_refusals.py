from __future__ import annotations

import socket
from pathlib import Path

import pytest

from model_registry import HubSettings, InvalidModelName, ModelRegistry, PullJob, RegistryConflict
from registry.downloader import RESERVE_BYTES
from registry.errors import UnsafeRepository
from registry.names import check_file_names, check_model_id, check_revision, id_of_directory, inside
from tests.helpers import link_or_skip
from tests.hub import TestHub

ID = "OpenVINO/Tiny-int4-ov"


async def failed(registry: ModelRegistry, model_id: str = ID, revision: str | None = None) -> tuple[PullJob, str, str]:
    job = await registry.settled(registry.pull(model_id, revision).id)
    assert job.state == "failed"
    assert job.error is not None
    return job, job.error.type, job.error.message


def files_outside(models_dir: Path, tmp_path: Path) -> set[Path]:
    return {
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and models_dir not in path.parents and "published" not in path.parts
    }


@pytest.mark.parametrize("name", ["../../escape.json", "/escape.json", "C:\\escape.json"])
async def test_a_repository_with_a_dangerous_name_is_refused_whole(
    registry: ModelRegistry, hub: TestHub, model: Path, tmp_path: Path, name: str
) -> None:
    hub.add_model(ID, model, extra={name: b"x"})
    _, kind, _ = await failed(registry)
    assert kind == "UnsafeRepository"
    assert not hub.files_asked("config.json")
    assert not registry.local_models()
    assert not files_outside(registry.models_dir, tmp_path)


async def test_a_symlink_planted_in_the_partial_directory_is_not_written_through(
    registry: ModelRegistry, hub: TestHub, model: Path, tmp_path: Path
) -> None:
    hub.add_model(ID, model)
    victim = tmp_path / "published" / "victim"
    victim.write_text("mine", encoding="utf-8")
    partial = registry.models_dir / ".partial" / "OpenVINO_Tiny-int4-ov"
    partial.mkdir(parents=True)
    link_or_skip(partial / "config.json", victim)
    link_or_skip(partial / "README.md.part", victim)
    job = await registry.settled(registry.pull(ID).id)
    assert job.state == "ready"
    assert victim.read_text(encoding="utf-8") == "mine"
    assert not (registry.find(ID).path / "config.json").is_symlink()


async def test_a_models_directory_linked_elsewhere_is_not_written_through(
    registry: ModelRegistry, hub: TestHub, model: Path, tmp_path: Path
) -> None:
    hub.add_model(ID, model)
    registry.models_dir.mkdir(parents=True)
    link_or_skip(registry.models_dir / "OpenVINO_Tiny-int4-ov", tmp_path / "published", directory=True)
    with pytest.raises(UnsafeRepository):
        registry.pull(ID)
    assert not registry.local_models()


async def test_a_gated_model_names_the_page_of_its_licence(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model, gated=True)
    job, kind, message = await failed(registry)
    assert kind == "GatedModel"
    assert "token" in message
    assert job.error is not None
    assert job.error.details == {"license_url": f"{hub.url}/{ID}"}
    registry.hub = HubSettings(hub.url, "hf_good")
    registry.resume(job.id)
    assert (await registry.settled(job.id)).state == "ready"


async def test_a_private_model_needs_a_token(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model, private=True)
    _, kind, message = await failed(registry)
    assert kind == "ModelNotFound"
    assert "private" in message
    registry.hub = HubSettings(hub.url, "hf_good")
    job = await registry.settled(registry.pull(ID).id)
    assert job.state == "ready"


async def test_a_stale_token_does_not_stand_before_a_public_model(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    hub.add_model(ID, model)
    registry.hub = HubSettings(hub.url, "hf_stale")
    job = await registry.settled(registry.pull(ID).id)
    assert job.state == "ready"
    assert "refuses the token" in job.notes[0]


async def test_what_does_not_exist(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    assert (await failed(registry, "OpenVINO/Nothing"))[1] == "ModelNotFound"
    _, kind, message = await failed(registry, revision="v9")
    assert kind == "RevisionNotFound"
    assert "v9" in message


async def test_a_model_of_another_kind_is_named_with_the_way_to_convert_it(
    registry: ModelRegistry, hub: TestHub, tmp_path: Path
) -> None:
    directory = tmp_path / "published"
    directory.mkdir()
    (directory / "model.safetensors").write_bytes(b"x")
    (directory / "config.json").write_text("{}", encoding="utf-8")
    hub.add_model("Qwen/Qwen3-8B", directory)
    _, kind, message = await failed(registry, "Qwen/Qwen3-8B")
    assert kind == "NotAnOpenVINOModel"
    assert "safetensors" in message
    assert "main.py convert Qwen/Qwen3-8B" in message
    (job,) = registry.jobs()
    assert job.error is not None
    assert job.error.details == {"convert": "Qwen/Qwen3-8B"}


async def test_too_little_disk_is_said_before_the_first_byte(hub: TestHub, model: Path, tmp_path: Path) -> None:
    hub.add_model(ID, model)
    registry = ModelRegistry(tmp_path / "m", hub=HubSettings(hub.url), free=lambda _: 1000)
    job, kind, message = await failed(registry)
    assert kind == "NotEnoughDisk"
    assert "1.0 kB are free" in message
    assert job.error is not None
    assert job.error.status == 507
    assert job.error.details["free_bytes"] == 1000
    assert not hub.files_asked("config.json")


async def test_little_room_for_the_compile_cache_is_noted(hub: TestHub, model: Path, tmp_path: Path) -> None:
    large = tmp_path / "published" / "openvino_model.bin"
    with large.open("ab") as weights:
        weights.truncate(RESERVE_BYTES * 2)
    hub.add_model(ID, model)
    registry = ModelRegistry(tmp_path / "m", hub=HubSettings(hub.url), free=lambda _: RESERVE_BYTES * 3 + 1_000_000)
    job = await registry.settled(registry.pull(ID).id)
    assert job.state == "ready"
    assert "compile cache" in job.notes[0]


async def test_an_absent_hub_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    registry = ModelRegistry(tmp_path, hub=HubSettings(f"http://127.0.0.1:{port}"), retry_wait=0.01)
    _, kind, message = await failed(registry)
    assert kind == "HubUnreachable"
    assert "proxy" in message


async def test_a_hub_in_trouble_is_said_and_can_be_asked_again(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    hub.add_model(ID, model)
    hub.faults.answer("api", [500])
    job, kind, message = await failed(registry)
    assert (kind, "500" in message) == ("HubUnreachable", True)
    registry.resume(job.id)
    assert (await registry.settled(job.id)).state == "ready"


async def test_two_ids_cannot_share_a_directory(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model("a/b_c", model)
    await registry.settled(registry.pull("a/b_c").id)
    with pytest.raises(RegistryConflict, match="a/b_c"):
        registry.pull("a_b/c")


async def test_another_revision_waits_for_the_first(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    job = registry.pull(ID)
    with pytest.raises(RegistryConflict):
        registry.pull(ID, "next")
    registry.cancel(job.id)
    await registry.settled(job.id)


@pytest.mark.parametrize(
    "name",
    [
        "", "name", "a/b/c", "/b", "a/", "../b", "a/..", "a/.b", "-a/b", "a/b-", "a/b--c", "a/b..c", "a/b.git", "a/b c",
        "a\\b/c", "con/b", "a/nul", "a/com1.x", "a/b\n", "模型/b", "https://h/a", "a/" + "b" * 100,
    ],
)  # fmt: skip
def test_names_that_are_no_model_ids(name: str) -> None:
    with pytest.raises(InvalidModelName):
        check_model_id(name)


@pytest.mark.parametrize("name", ["OpenVINO/Phi-3-medium-4k-instruct-int4-ov", "a/b", "a_b/c.d_e-1", "01-ai/Yi_"])
def test_names_that_are(name: str) -> None:
    assert check_model_id(name) == name


@pytest.mark.parametrize("name", ["../main", "a b", "-x", "refs/../x", "x.lock", "a" * 300])
def test_names_that_are_no_revisions(name: str) -> None:
    with pytest.raises(InvalidModelName):
        check_revision(name)


@pytest.mark.parametrize("name", ["main", "refs/pr/1", "v1.0", "0123abc"])
def test_revisions(name: str) -> None:
    assert check_revision(f" {name} ") == name
    assert check_revision("  ") is None


def test_the_id_of_a_directory() -> None:
    assert id_of_directory("OpenVINO_Qwen3_8B") == "OpenVINO/Qwen3_8B"
    assert id_of_directory("模型") == "local/模型"
    assert id_of_directory("_x") == "local/_x"


def test_paths_that_leave(tmp_path: Path) -> None:
    for parts in (["..", "x"], ["a", "..", "..", "x"], ["/etc"], ["."]):
        with pytest.raises(UnsafeRepository):
            inside(tmp_path, *parts)


@pytest.mark.parametrize(
    "name",
    [
        "../../escape.json",
        "/etc/escape.json",
        "C:\\escape.json",
        "C:escape.json",
        "a\\..\\..\\escape.json",
        "//server/share/escape.json",
        "sub/../escape.json",
        "./escape.json",
        "nul.json",
        "sub/COM1.json",
        "trailing./escape.json",
        "line\nbreak.json",
        "CONFIG.JSON",
        "x" * 300 + ".json",
    ],
)
def test_file_names_that_are_dangerous_somewhere(name: str) -> None:
    with pytest.raises(UnsafeRepository):
        check_file_names(["config.json", name])


def test_file_names_of_real_repositories() -> None:
    check_file_names([".gitattributes", "README.md", "text_encoder/openvino_model.xml", "模型 說明.md", "a-b_c.d"])

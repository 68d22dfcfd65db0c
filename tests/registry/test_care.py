"""Models after they have arrived: checking, updating, importing, caches; and the settings of the hub."""

from __future__ import annotations

import json
import shutil
import stat
import sys
from pathlib import Path
from typing import Literal

import pytest

from model_files.gguf import load_path
from model_registry import (
    HubSettings,
    HubUnreachable,
    InvalidModelName,
    LocalModelNotFound,
    ModelRegistry,
    NotAnOpenVINOModel,
    NotEnoughDisk,
    RegistryConflict,
    RegistryError,
    UnsafeRepository,
)
from registry.caches import clear_cache, list_caches
from registry.disk import directory_size
from tests.helpers import link_or_skip
from tests.hub import TestHub
from tests.model_files.test_gguf import VALUES, gguf
from tests.model_files.tiny_models import make_llm

ID = "OpenVINO/Tiny-int4-ov"


@pytest.fixture
async def pulled(registry: ModelRegistry, hub: TestHub, model: Path) -> Path:
    hub.add_model(ID, model)
    await registry.settled(registry.pull(ID).id)
    return registry.find(ID).path


async def test_verify_names_what_is_damaged_and_a_pull_mends_it(
    registry: ModelRegistry, hub: TestHub, model: Path, pulled: Path
) -> None:
    seen: list[int] = []
    assert (await registry.verify(ID, seen.append)).intact
    assert sum(seen) == directory_size(model)
    weights = pulled / "openvino_model.bin"
    weights.write_bytes(b"\xff" + weights.read_bytes()[1:])
    (pulled / "README.md").unlink()
    assert set((await registry.verify(ID)).damaged) == {"openvino_model.bin", "README.md"}
    hub.requests.clear()
    await registry.settled(registry.pull(ID).id)
    assert (await registry.verify(ID)).intact
    assert {seen.path.rpartition("/")[2] for seen in hub.requests if "/resolve/" in seen.path} == {
        "openvino_model.bin",
        "README.md",
    }


async def test_a_copied_model_has_no_hashes_to_verify(registry: ModelRegistry) -> None:
    make_llm(registry.models_dir / "a_b")
    with pytest.raises(RegistryConflict):
        await registry.verify("a/b")
    with pytest.raises(RegistryConflict):
        await registry.check_update("a/b")
    with pytest.raises(LocalModelNotFound):
        await registry.verify("a/c")


async def test_an_update_is_seen(registry: ModelRegistry, hub: TestHub, model: Path, pulled: Path) -> None:
    assert not (await registry.check_update(ID)).available
    (model / "README.md").write_text("new", encoding="utf-8")
    latest = hub.add_model(ID, model)
    update = await registry.check_update(ID)
    assert (update.available, update.latest) == (True, latest)


async def test_a_folder_is_imported_as_a_copy(registry: ModelRegistry, tmp_path: Path) -> None:
    source = make_llm(tmp_path / "我的 folder" / "org_Mine")
    (source / ".git").mkdir()
    (source / ".git" / "config").write_text("x", encoding="utf-8")
    model = await registry.import_folder(source)
    assert (model.id, model.complete) == ("org/Mine", True)
    assert model.path == registry.models_dir / "org_Mine"
    assert not (model.path / ".git").exists()
    shutil.rmtree(source)
    assert registry.find("org/Mine").complete
    with pytest.raises(RegistryConflict):
        await registry.import_folder(make_llm(tmp_path / "org_Mine"))


async def test_a_folder_is_imported_by_reference_and_only_the_reference_removed(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    source = make_llm(tmp_path / "elsewhere" / "x")
    model = await registry.import_folder(source, model_id="mine/by-reference", mode="reference")
    assert (model.id, model.path, model.complete) == ("mine/by-reference", source, True)
    assert [path.name for path in model.entry.iterdir()] == ["metadata.json"]
    registry.remove("mine/by-reference")
    assert (source / "openvino_model.bin").is_file()
    assert registry.local_models() == []


async def test_a_reference_whose_folder_is_gone_is_listed_with_its_problem(
    registry: ModelRegistry, tmp_path: Path
) -> None:
    source = make_llm(tmp_path / "elsewhere" / "x")
    await registry.import_folder(source, model_id="a/b", mode="reference")
    shutil.rmtree(source)
    assert not registry.find("a/b").complete


async def test_imports_that_are_refused(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path / "models", free=lambda _: 10)
    with pytest.raises(NotAnOpenVINOModel):
        await registry.import_folder(tmp_path / "absent")
    source = make_llm(tmp_path / "source")
    with pytest.raises(NotEnoughDisk):
        await registry.import_folder(source, model_id="a/b")
    with pytest.raises(InvalidModelName):
        await registry.import_folder(source, model_id="../b")
    link_or_skip(source / "link.json", "/etc/hostname")
    with pytest.raises(UnsafeRepository):
        await registry.import_folder(source, model_id="a/b")
    assert registry.local_models() == []
    assert not (tmp_path / "models" / "a_b").exists()


async def test_a_mirror_is_asked_before_it_is_used_and_does_not_get_the_old_token(tmp_path: Path, hub: TestHub) -> None:
    path = tmp_path / "hub.json"
    registry = ModelRegistry(tmp_path / "m", hub=HubSettings("https://huggingface.co", "hf_good"), settings_file=path)
    with pytest.raises(HubUnreachable):
        await registry.configure_hub(endpoint="http://127.0.0.1:9")
    assert registry.hub.endpoint == "https://huggingface.co"
    settings = await registry.configure_hub(endpoint=f" {hub.url}/ ")
    assert settings == HubSettings(hub.url, None)
    assert {seen.authorization for seen in hub.requests} == {None}
    await registry.configure_hub(token="hf_good")
    assert ModelRegistry(tmp_path / "m", settings_file=path).hub == HubSettings(hub.url, "hf_good")
    await registry.configure_hub(token="")
    assert ModelRegistry(tmp_path / "m", settings_file=path).hub == HubSettings(hub.url, None)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
async def test_the_file_with_the_token_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "hub.json"
    await ModelRegistry(tmp_path / "m", settings_file=path).configure_hub(token="hf_good")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [*tmp_path.rglob("*.tmp")]  # noqa: ASYNC240


@pytest.mark.parametrize("content", ["{", "[]", '{"endpoint": "ftp://x"}', '{"endpoint": 3}', '{"token": "x"}'])
def test_broken_settings_are_the_defaults(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hub.json"
    path.write_text(content, encoding="utf-8")
    assert ModelRegistry(tmp_path / "m", settings_file=path).hub.token is None


@pytest.mark.parametrize(
    "endpoint", ["ftp://x", "http://", "x", "http://user:secret@host", "http://h/?q", "http://h\n/"]
)
async def test_addresses_that_are_none(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(InvalidModelName):
        await ModelRegistry(tmp_path / "m").configure_hub(endpoint=endpoint)


@pytest.mark.parametrize("token", ["hf good", "hf\r\nX-Header: 1", "令牌"])
async def test_tokens_that_are_none(tmp_path: Path, token: str) -> None:
    with pytest.raises(InvalidModelName) as refusal:
        await ModelRegistry(tmp_path / "m").configure_hub(token=token)
    assert token not in str(refusal.value)


def test_caches_are_listed_and_cleared(tmp_path: Path) -> None:
    for device in ("gpu", "npu"):
        (tmp_path / f"cache_{device}" / "sub").mkdir(parents=True)
        (tmp_path / f"cache_{device}" / "1.blob").write_bytes(b"x" * 100)
        (tmp_path / f"cache_{device}" / "sub" / "2.blob").write_bytes(b"x" * 10)
        (tmp_path / f"cache_{device}" / "memory_costs.json").write_text(json.dumps({}), encoding="utf-8")
    caches = {cache.device: cache for cache in list_caches(tmp_path, ["gpu"])}
    assert (caches["gpu"].size_bytes, caches["gpu"].orphaned, caches["npu"].orphaned) == (112, False, True)
    assert clear_cache(tmp_path, "gpu", ["gpu"]) == 110
    assert [path.name for path in (tmp_path / "cache_gpu").iterdir()] == ["memory_costs.json"]
    for device in ("none", "../x", "gpu/sub"):
        with pytest.raises((LocalModelNotFound, UnsafeRepository)):
            clear_cache(tmp_path, device, ["gpu"])
    assert clear_cache(tmp_path, "npu", ["gpu"]) == 112
    assert [cache.device for cache in list_caches(tmp_path, ["gpu"])] == ["gpu"]


@pytest.mark.parametrize("mode", ["copy", "reference"])
async def test_a_gguf_file_is_imported_by_itself(
    registry: ModelRegistry, tmp_path: Path, mode: Literal["copy", "reference"]
) -> None:
    folder = tmp_path / "下載 downloads"
    folder.mkdir()
    for name in ("Some_Model-1B.Q8_0.gguf", "another.Q8_0.gguf"):
        (folder / name).write_bytes(gguf(VALUES | {"general.file_type": 7, "general.license": "mit"}))
    model = await registry.import_folder(folder / "Some_Model-1B.Q8_0.gguf", mode=mode)
    assert (model.id, model.facts.kind, model.facts.problem) == ("local/Some_Model-1B.Q8_0", "gguf", None)
    assert (model.facts.quantization, model.described()["license"]) == ("Q8_0", "mit")
    assert model.described()["imported_at"]
    assert model.described()["downloaded_at"] is None
    assert load_path(model.path).name == "Some_Model-1B.Q8_0.gguf"
    (folder / "notes.txt").touch()
    with pytest.raises(RegistryError, match="only GGUF models"):
        await registry.import_folder(folder / "notes.txt")

"""Models that come file by file: only whole ones are listed, and what is unsafe, wrong or left is gone again."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

import pytest

from model_registry import (
    InvalidModelName,
    JobNotFound,
    ModelRegistry,
    NotAnOpenVINOModel,
    NotEnoughDisk,
    RegistryConflict,
    UnsafeRepository,
)
from registry.uploads import Upload, Uploads
from tests.model_files.tiny_models import make_llm


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "模型 models"


@pytest.fixture
def registry(models_dir: Path) -> ModelRegistry:
    return ModelRegistry(models_dir)


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def begin(uploads: Uploads, files: Mapping[str, bytes], name: str = "mine_tiny", model_id: str | None = None) -> Upload:
    return uploads.begin(name, {path: len(data) for path, data in files.items()}, model_id)


def send(uploads: Uploads, upload: Upload, files: Mapping[str, bytes], piece: int = 1000) -> None:
    for path, data in files.items():
        for offset in range(0, len(data), piece):
            uploads.write(upload.id, path, offset, data[offset : offset + piece])


def left(models_dir: Path) -> list[Path]:
    return list((models_dir / ".partial").iterdir())


def test_a_folder_in_pieces_is_a_model_once_it_is_finished(
    registry: ModelRegistry, models_dir: Path, tmp_path: Path
) -> None:
    files = contents(make_llm(tmp_path / "source")) | {"docs/讀我 readme.md": b"x", "empty.txt": b""}
    upload = begin(registry.uploads, files)
    send(registry.uploads, upload, files)
    assert registry.local_models() == []
    assert registry.uploads.finish(upload.id) == "mine/tiny"
    model = registry.find("mine/tiny")
    assert (model.complete, model.metadata and model.metadata.source) == (True, "upload mine_tiny")
    assert contents(model.path).items() >= files.items()
    assert left(models_dir) == []


@pytest.mark.parametrize("own_id", [None, "mine/chosen"])
def test_a_file_has_the_id_it_is_given_or_that_of_its_name(registry: ModelRegistry, own_id: str | None) -> None:
    upload = begin(registry.uploads, {"Qwen3_0.6B.Q4_K_M.gguf": b"x"}, "Qwen3_0.6B.Q4_K_M.gguf", own_id)
    assert upload.model_id == (own_id or "local/Qwen3_0.6B.Q4_K_M")


def test_a_piece_may_come_twice_but_none_may_be_left_out(registry: ModelRegistry, tmp_path: Path) -> None:
    files = contents(make_llm(tmp_path / "source"))
    upload = begin(registry.uploads, files)
    weights = files["openvino_model.bin"]
    assert registry.uploads.write(upload.id, "openvino_model.bin", 0, weights[:10]) == 10
    assert registry.uploads.write(upload.id, "openvino_model.bin", 0, weights[:10]) == 10
    for path, offset, data in (
        ("openvino_model.bin", 11, b"x"),
        ("openvino_model.bin", 10, weights),
        ("other.bin", 0, b"x"),
    ):
        with pytest.raises(RegistryConflict, match="continue"):
            registry.uploads.write(upload.id, path, offset, data)
    with pytest.raises(RegistryConflict, match="not complete"):
        registry.uploads.finish(upload.id)
    send(registry.uploads, upload, files)
    registry.uploads.finish(upload.id)
    assert (registry.find("mine/tiny").path / "openvino_model.bin").read_bytes() == weights


@pytest.mark.parametrize(
    "paths",
    [
        ["../../evil.xml"],
        ["/etc/evil.xml"],
        ["C:\\evil.xml"],
        ["a/../b.xml"],
        ["con.xml"],
        ["a.xml", "A.XML"],
        ["a.xml", "a.xml/b.bin"],
        ["x" * 300 + ".xml"],
    ],
)
def test_unsafe_names_are_refused_before_anything_is_written(
    registry: ModelRegistry, models_dir: Path, paths: list[str]
) -> None:
    with pytest.raises(UnsafeRepository):
        begin(registry.uploads, dict.fromkeys(paths, b"x"))
    assert not models_dir.exists()


def test_what_can_be_told_beforehand_is_told_beforehand(models_dir: Path) -> None:
    uploads = Uploads(models_dir, lambda _: 1000)
    with pytest.raises(NotAnOpenVINOModel, match="holidays"):
        begin(uploads, {"beach.jpg": b"x"}, "holidays")
    with pytest.raises(InvalidModelName):
        begin(uploads, {"a.xml": b"x"}, model_id="no organisation")
    begin(uploads, {"a.xml": b"x" * 600}, "first_one")
    with pytest.raises(NotEnoughDisk):
        begin(uploads, {"a.xml": b"x" * 600}, "second_one")
    make_llm(models_dir / "mine_tiny")
    with pytest.raises(RegistryConflict, match="mine/tiny"):
        begin(uploads, {"a.xml": b"x"})


def test_what_is_no_model_is_refused_and_deleted(registry: ModelRegistry, models_dir: Path, tmp_path: Path) -> None:
    files = contents(make_llm(tmp_path / "source")) | {"openvino_model.xml": b"<not an IR"}
    upload = begin(registry.uploads, files)
    send(registry.uploads, upload, files)
    with pytest.raises(NotAnOpenVINOModel, match="mine_tiny"):
        registry.uploads.finish(upload.id)
    assert left(models_dir) == registry.local_models() == []
    with pytest.raises(JobNotFound):
        registry.uploads.finish(upload.id)


def test_an_upload_ends_when_it_is_cancelled_begun_again_or_abandoned(models_dir: Path) -> None:
    now = [0.0]
    uploads = Uploads(models_dir, lambda _: 10_000, clock=lambda: now[0])
    cancelled = begin(uploads, {"a.xml": b"x"}, "org_cancelled")
    uploads.cancel(cancelled.id)
    again = begin(uploads, {"a.xml": b"x"}, "org_again")
    abandoned = begin(uploads, {"a.xml": b"x"}, "org_abandoned")
    begin(uploads, {"a.xml": b"x"}, "org_again")
    now[0] = 3601
    kept = begin(uploads, {"a.xml": b"x"}, "org_kept")
    assert left(models_dir) == [kept.directory]
    for upload in (cancelled, again, abandoned):
        with pytest.raises(JobNotFound):
            uploads.write(upload.id, "a.xml", 0, b"x")


def test_a_disk_that_fills_up_is_told_of_and_the_upload_goes_on(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(registry.uploads, {"a.xml": b"xyz"})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(NotEnoughDisk):
            registry.uploads.write(upload.id, "a.xml", 0, b"xyz")
    assert registry.uploads.write(upload.id, "a.xml", 0, b"xyz") == 3


async def test_a_new_start_clears_what_was_left(models_dir: Path) -> None:
    begin(ModelRegistry(models_dir).uploads, {"a.xml": b"x"})
    registry = ModelRegistry(models_dir)
    await registry.start()
    await registry.stop()
    assert not [path for path in left(models_dir) if path.is_dir()]

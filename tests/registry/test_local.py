from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model_registry import LocalModelNotFound, ModelInUse, ModelRegistry, RegistryConflict
from tests.helpers import link_or_skip
from tests.model_files.tiny_models import make_llm


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "模型 models"


def describe(directory: Path, **metadata: str) -> None:
    (directory / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")


def test_models_with_and_without_metadata(models_dir: Path) -> None:
    describe(make_llm(models_dir / "whatever"), model_id="OpenVINO/Pulled", commit="abc", custom="kept")
    make_llm(models_dir / "OpenVINO_Copied-int4-ov")
    make_llm(models_dir / "clone" / "of-a-repository")
    make_llm(models_dir / "我的模型")
    models = {model.id: model for model in ModelRegistry(models_dir).local_models()}
    assert set(models) == {"OpenVINO/Pulled", "OpenVINO/Copied-int4-ov", "local/of-a-repository", "local/我的模型"}
    assert all(model.complete and model.facts.kind == "llm" for model in models.values())
    metadata = models["OpenVINO/Pulled"].metadata
    assert metadata is not None
    assert (metadata.commit, metadata.model_dump()["custom"]) == ("abc", "kept")


def test_what_is_no_model_is_not_listed(models_dir: Path) -> None:
    (models_dir / "empty").mkdir(parents=True)
    (models_dir / "notes").mkdir()
    (models_dir / "notes" / "a.txt").write_text("x", encoding="utf-8")
    (models_dir / "file").write_text("x", encoding="utf-8")
    make_llm(models_dir / ".partial" / "OpenVINO_Half")
    make_llm(models_dir / ".trash" / "OpenVINO_Deleted")
    assert ModelRegistry(models_dir).local_models() == []
    assert ModelRegistry(models_dir / "absent").local_models() == []


def test_a_damaged_model_is_listed_with_its_problem(models_dir: Path) -> None:
    directory = make_llm(models_dir / "a_b")
    (directory / "openvino_model.bin").write_bytes(b"")
    (model,) = ModelRegistry(models_dir).local_models()
    assert not model.complete
    assert "cut short" in (model.facts.problem or "")
    assert model.as_dict()["complete"] is False


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"model_id": 7}', '{"model_id": "../../etc"}', '{"model_id": "a/b/c"}']
)
def test_broken_metadata_leaves_the_name_of_the_directory(models_dir: Path, content: str) -> None:
    (make_llm(models_dir / "org_name") / "metadata.json").write_text(content, encoding="utf-8")
    assert [model.id for model in ModelRegistry(models_dir).local_models()] == ["org/name"]


def test_a_link_out_of_the_models_directory_is_no_model(models_dir: Path, tmp_path: Path) -> None:
    make_llm(tmp_path / "elsewhere")
    models_dir.mkdir()
    link_or_skip(models_dir / "a_b", tmp_path / "elsewhere", directory=True)
    assert ModelRegistry(models_dir).local_models() == []


def test_the_bundled_model_is_listed_from_its_own_place_or_from_among_the_others(
    models_dir: Path, tmp_path: Path
) -> None:
    elsewhere = make_llm(tmp_path / "program" / "models" / "demo_server-guide")
    (model,) = ModelRegistry(models_dir, bundled_dir=elsewhere).local_models()
    assert (model.id, model.bundled, model.path) == ("demo/server-guide", True, elsewhere)
    among = ModelRegistry(elsewhere.parent, bundled_dir=elsewhere)
    make_llm(elsewhere.parent / "org_other")
    assert [(model.id, model.bundled) for model in among.local_models()] == [
        ("demo/server-guide", True),
        ("org/other", False),
    ]
    with pytest.raises(RegistryConflict):
        among.remove("demo/server-guide")
    with pytest.raises(RegistryConflict):
        among.pull("demo/server-guide")


def test_remove(models_dir: Path) -> None:
    make_llm(models_dir / "a_b")
    make_llm(models_dir / "a_c")
    registry = ModelRegistry(models_dir)
    with pytest.raises(ModelInUse, match="gpu, npu") as refusal:
        registry.remove("a/b", in_use_by=["gpu", "npu"])
    assert refusal.value.details == {"in_use_by": ["gpu", "npu"]}
    registry.remove("a/b")
    assert [model.id for model in registry.local_models()] == ["a/c"]
    assert [path.name for path in models_dir.iterdir()].count("a_b") == 0
    with pytest.raises(LocalModelNotFound):
        registry.remove("a/b")


async def test_a_removal_cut_off_half_way_is_finished_at_the_next_start(models_dir: Path) -> None:
    make_llm(models_dir / "a_b")
    shutil.copytree(models_dir / "a_b", models_dir / ".trash" / "a_b-12345678")
    registry = ModelRegistry(models_dir)
    await registry.start()
    assert not (models_dir / ".trash").exists()
    assert [model.id for model in registry.local_models()] == ["a/b"]

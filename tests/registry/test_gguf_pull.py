"""Pulling one file of a GGUF repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model_registry import InvalidModelName, ModelRegistry, NotAnOpenVINOModel, PullJob, RegistryConflict
from registry.gguf_choice import check_readable, choose_gguf, split_variant
from tests.hub import TestHub
from tests.model_files.test_gguf import VALUES, gguf

ID = "org/Tiny-GGUF"


@pytest.fixture
def files(tmp_path: Path, hub: TestHub) -> dict[str, bytes]:
    """A repository as they are: many quantisations, a projector, a card, things that nobody needs."""
    files = {
        "tiny-q4_0.gguf": gguf(VALUES),
        "tiny-Q4_K_M.gguf": gguf(VALUES | {"general.name": "k"}),
        "tiny-Q8_0.gguf": gguf(VALUES | {"general.name": "eight"}),
        "mmproj-tiny.gguf": gguf(VALUES),
        "README.md": b"---\nlicense: mit\n---\n",
        "convert.py": b"raise SystemExit",
        "config.json": b"{}",
    }
    (tmp_path / "empty").mkdir()
    hub.add_model(ID, tmp_path / "empty", extra=files)
    return files


async def pulled(registry: ModelRegistry, name: str) -> PullJob:
    return await registry.settled(registry.pull(name).id)


@pytest.mark.parametrize(
    ("variant", "file"),
    [("Q4_K_M", "tiny-Q4_K_M.gguf"), ("q8_0", "tiny-Q8_0.gguf"), ("tiny-q4_0.gguf", "tiny-q4_0.gguf")],
)
async def test_one_file_is_pulled(
    registry: ModelRegistry, hub: TestHub, files: dict[str, bytes], variant: str, file: str
) -> None:
    job = await pulled(registry, f"{ID}:{variant}")
    assert (job.state, job.model_id, job.variant, job.error) == ("ready", ID, variant, None)
    model = registry.find(ID)
    assert (model.facts.kind, model.complete) == ("gguf", True)
    assert {path.name for path in model.path.iterdir()} == {file, "README.md", "metadata.json"}
    assert (model.path / file).read_bytes() == files[file]
    assert (await registry.verify(ID)).intact


async def test_another_file_takes_the_place_of_the_first(
    registry: ModelRegistry, hub: TestHub, files: dict[str, bytes]
) -> None:
    await pulled(registry, f"{ID}:Q4_0")
    assert (await pulled(registry, f"{ID}:Q8_0")).state == "ready"
    model = registry.find(ID)
    assert [path.name for path in model.path.glob("*.gguf")] == ["tiny-Q8_0.gguf"]
    asked = len(hub.files_asked("tiny-Q8_0.gguf"))
    assert (await pulled(registry, ID)).variant == "Q8_0"  # an update is of the same file
    assert json.loads((model.path / "metadata.json").read_text(encoding="utf-8"))["variant"] == "Q8_0"
    assert len(hub.files_asked("tiny-Q8_0.gguf")) == asked


async def test_a_choice_is_asked_for(registry: ModelRegistry, hub: TestHub, files: dict[str, bytes]) -> None:
    for name, words in ((ID, "Q4_K_M"), (f"{ID}:Q2_K", "Q8_0")):
        job = await pulled(registry, name)
        assert job.error is not None
        assert job.error.type == NotAnOpenVINOModel.__name__
        assert words in job.error.message
    assert not hub.files_asked("tiny-Q8_0.gguf")


async def test_two_files_of_one_repository_are_not_pulled_at_once(
    registry: ModelRegistry, hub: TestHub, files: dict[str, bytes]
) -> None:
    first = registry.pull(f"{ID}:Q8_0")
    assert registry.pull(f"{ID}:Q8_0").id == first.id
    with pytest.raises(RegistryConflict, match="Q8_0"):
        registry.pull(f"{ID}:Q4_0")
    await registry.settled(first.id)


async def test_an_only_file_needs_no_choice(registry: ModelRegistry, hub: TestHub, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    hub.add_model(ID, tmp_path / "empty", extra={"model.gguf": gguf(VALUES)})
    assert (await pulled(registry, ID)).state == "ready"


async def test_what_the_library_does_not_read_is_refused_before_the_first_byte(
    registry: ModelRegistry, hub: TestHub, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    hub.add_model(ID, tmp_path / "empty", extra={"model.gguf": gguf(VALUES | {"general.architecture": "gemma3"})})
    job = await pulled(registry, ID)
    assert job.error is not None
    assert "gemma3" in job.error.message
    assert not hub.files_asked("model.gguf")


async def test_an_openvino_repository_has_no_such_files(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model("org/Model-ov", model)
    job = await pulled(registry, "org/Model-ov:Q4_0")
    assert job.error is not None
    assert "no GGUF" in job.error.message


@pytest.mark.parametrize(
    "name",
    ["m-Q2_K.gguf", "m.Q3_K_L.gguf", "m-q5_k_m.gguf", "m-Q5_0.gguf", "m-Q4_K_S.gguf", "m-IQ4_XS.gguf", "m-BF16.gguf"],
)
def test_a_quantisation_that_the_library_does_not_read_is_known_by_the_name(name: str) -> None:
    with pytest.raises(NotAnOpenVINOModel, match="Q8_0"):
        check_readable(name, "qwen2", ID)


@pytest.mark.parametrize(
    "name", ["m-Q4_0.gguf", "m-Q4_1.gguf", "m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-Q6_K.gguf", "m-F16.gguf"]
)
def test_the_others_may_be_read(name: str) -> None:
    check_readable(name, "llama", ID)
    check_readable(name, None, ID)


def test_names() -> None:
    assert split_variant("org/name") == ("org/name", None)
    assert split_variant("org/name:Q4_K_M") == ("org/name", "Q4_K_M")
    for name in ("org/name:", "org/name:../x", "org/name:a b", "org/name:a:b"):
        with pytest.raises(InvalidModelName):
            split_variant(name)


def test_files_split_into_parts_are_no_choice() -> None:
    parts = ["m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"]
    with pytest.raises(NotAnOpenVINOModel, match="parts"):
        choose_gguf(parts, ID, "Q8_0")
    assert choose_gguf([*parts, "m-Q4_0.gguf"], ID, None) == "m-Q4_0.gguf"


def test_a_name_within_a_name_is_not_meant() -> None:
    assert choose_gguf(["m-IQ4_K.gguf", "m-Q4_K.gguf"], ID, "Q4_K") == "m-Q4_K.gguf"
    with pytest.raises(NotAnOpenVINOModel):
        choose_gguf(["m-IQ4_K.gguf"], ID, "Q4_K")

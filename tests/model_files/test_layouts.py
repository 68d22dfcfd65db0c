"""What lies on users' disks is listed with its right kind, and what cannot be served says so wherever it is met."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_files.model_facts import read_facts
from model_files.model_kind import KINDS
from model_registry import ModelRegistry, NotAnOpenVINOModel, RegistryError, UnsupportedModel, fit
from pools.instance_plan import estimated_bytes
from registry.files import RemoteFile, check_served
from tests.model_files.layouts import DAMAGED, UNSUPPORTED, USABLE, Layout, lora, make, t5

REFUSED = {**UNSUPPORTED, **DAMAGED}
GB = 10**9


@pytest.mark.parametrize("layout", USABLE, ids=lambda layout: layout.__name__)
def test_what_can_be_served_has_its_kind_and_no_problem(tmp_path: Path, layout: Layout) -> None:
    facts = read_facts(make(layout, tmp_path / "m"))
    assert (facts.kind, facts.problem, facts.state) == (USABLE[layout], None, "usable")
    assert fit(facts, estimated_bytes(facts, "CPU", 64 * GB, None), 64 * GB, "cpu").level == "fits"


@pytest.mark.parametrize("layout", REFUSED, ids=lambda layout: layout.__name__)
async def test_what_cannot_says_so_in_list_import_and_badge(tmp_path: Path, layout: Layout) -> None:
    kind, sentence = REFUSED[layout]
    registry = ModelRegistry(tmp_path / "models")
    make(layout, tmp_path / "models" / "org_name")
    (model,) = registry.local_models()
    assert model.facts.kind == kind
    assert kind in KINDS
    assert sentence in (model.facts.problem or "")
    assert model.facts.state == ("unsupported" if layout in UNSUPPORTED else "damaged")
    assert model.complete == (layout in UNSUPPORTED)
    for device in ("gpu", "npu", "cpu"):
        badge = fit(model.facts, GB, 64 * GB, device)
        assert (badge.level, badge.reason) == ("unsuitable", model.facts.problem)
    source = make(layout, tmp_path / "source")
    kinds = UnsupportedModel if layout in UNSUPPORTED else NotAnOpenVINOModel
    with pytest.raises(kinds) as refusal:
        await registry.import_folder(source, model_id="org/other")
    assert sentence in refusal.value.message


@pytest.mark.parametrize("layout", [t5, lora], ids=lambda layout: layout.__name__)
def test_a_kind_that_names_of_files_tell_is_not_pulled(tmp_path: Path, layout: Layout) -> None:
    directory = make(layout, tmp_path / "m")
    paths = [path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()]
    with pytest.raises(RegistryError) as refusal:
        check_served([RemoteFile(path, 1) for path in paths], "org/m", "text2text-generation")
    assert (refusal.value.code, refusal.value.status) == ("UnsupportedModel", 422)


@pytest.mark.parametrize("layout", USABLE, ids=lambda layout: layout.__name__)
def test_nothing_that_is_served_is_kept_from_being_pulled(tmp_path: Path, layout: Layout) -> None:
    directory = make(layout, tmp_path / "m")
    paths = [path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()]
    check_served([RemoteFile(path, 1) for path in paths], "org/m", "automatic-speech-recognition")

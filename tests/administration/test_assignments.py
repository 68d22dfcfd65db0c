"""What may be assigned, and what goes with a model that is taken off a device."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from administration.aliases import names_of_model, offered_names, without_model, without_targets
from administration.errors import PROBLEMS, AdministrationError, explain
from configuration.device_config import Configuration, ModelAlias, ModelAssignment
from configuration.gateway_config import GatewayAlias, GatewaySettings
from tests.administration.conftest import BUNDLED, MODEL, OTHER, Place, device


async def test_the_last_one_assigned_comes_last_and_keeps_what_it_had(place: Place) -> None:
    await place.administration.assign(MODEL, "gpu", {"max_concurrent": 3})
    await place.administration.assign(OTHER, "gpu", {})
    settings = await place.administration.assign(MODEL, "gpu", {"idle_timeout": -1.0})
    assert [(model.id, model.max_concurrent, model.idle_timeout) for model in settings.models] == [
        (OTHER, 16, 300),
        (MODEL, 3, -1),
    ]
    assert settings.models[1].path == "models/org_model"


Call = Callable[[Place], Any]
REFUSED: dict[str, tuple[Call, str]] = {
    "an unknown device": (lambda place: place.administration.assign(MODEL, "tpu", {}), "unknown_device"),
    "an unknown model": (lambda place: place.administration.assign("no/such", "gpu", {}), "ModelNotFound"),
    "more than the memory": (lambda place: place.administration.assign(MODEL, "small", {}), "model_too_large"),
    "a place outside": (
        lambda place: place.administration.assign(MODEL, "gpu", {"path": "../../etc"}),
        "outside_data_dir",
    ),
    "a place in a property": (
        lambda place: place.administration.assign(MODEL, "gpu", {"extra_config": {"CACHE_DIR": "/tmp/x"}}),
        "outside_data_dir",
    ),
    "a setting of another kind": (
        lambda place: place.administration.assign(MODEL, "gpu", {"max_concurrent": "many"}),
        "invalid_request",
    ),
    "what is not assigned": (lambda place: place.administration.unassign(MODEL, "gpu"), "not_assigned"),
    "deleting what is in use": (lambda place: place.administration.remove(OTHER), "ModelInUse"),
    "deleting what comes with the program": (
        lambda place: place.administration.remove(BUNDLED, force=True),
        "Conflict",
    ),
    "deleting an unknown one by force": (
        lambda place: place.administration.remove("no/such", force=True),
        "ModelNotFound",
    ),
    "taking an alias's last model": (lambda place: place.administration.unassign(OTHER, "gpu"), "alias_left_behind"),
    "deselecting an alias's last model": (
        lambda place: place.administration.update_device("gpu", models={BUNDLED: {}}),
        "alias_left_behind",
    ),
    "an unknown alias": (lambda place: place.administration.remove_alias("no"), "unknown_alias"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refusal_leaves_every_file_as_it_was(place: Place, case: str) -> None:
    offered = [ModelAssignment(id=each, path="models/x") for each in (OTHER, BUNDLED)]
    place.configure(gpu=device(1, models=offered), small=device(2, memory_limit_gb=0.1))
    place.alias(chat=GatewayAlias(model=f"gpu-{OTHER}"))
    before = place.files()
    call, kind = REFUSED[case]
    with pytest.raises(PROBLEMS) as caught:
        await call(place)
    error = caught.value
    assert explain(error).kind == kind
    assert "error." not in str(error)
    assert place.files() == before
    assert (place.data_dir / "models" / "org_other").is_dir()


async def test_aliases_go_with_their_model(place: Place) -> None:
    aliases = {"short": ModelAlias(model=MODEL), "kept": ModelAlias(model=OTHER)}
    for name in ("gpu", "npu"):
        await place.administration.assign(MODEL, name, {})
    await place.administration.assign(OTHER, "gpu", {})
    place.store.change_device("gpu", lambda before: before.model_copy(update={"aliases": aliases}))
    place.alias(
        only=GatewayAlias(model=f"gpu-{MODEL}"),
        named=GatewayAlias(model="short"),
        either=GatewayAlias(model=MODEL, fallback=[OTHER]),
    )
    with pytest.raises(AdministrationError, match="named, only"):
        await place.administration.unassign(MODEL, "gpu")
    place.alias(
        either=GatewayAlias(model=MODEL, fallback=[OTHER]), moved=GatewayAlias(model=f"gpu-{MODEL}", fallback=["x/y"])
    )
    settings = await place.administration.unassign(MODEL, "gpu")
    assert set(settings.aliases) == {"kept"}
    after = place.gateway.load().aliases
    assert (after["either"].model, after["either"].fallback) == (MODEL, [OTHER])  # the NPU still offers it
    assert (after["moved"].model, after["moved"].fallback) == ("x/y", [])
    await place.administration.remove(MODEL, force=True)
    after = place.gateway.load().aliases
    assert (after["either"].model, after["either"].fallback) == (OTHER, [])
    assert place.models("npu") == []
    assert not (place.data_dir / "models" / "org_model").exists()


async def test_by_force_the_aliases_of_a_deleted_model_go(place: Place) -> None:
    await place.administration.assign(MODEL, "gpu", {})
    place.alias(chat=GatewayAlias(model=MODEL), pinned=GatewayAlias(model=f"npu-{MODEL}"))
    await place.administration.remove(MODEL, force=True)
    assert place.gateway.load().aliases == {}


async def test_an_alias_of_a_model_that_no_device_offers_is_asked_about_too(place: Place) -> None:
    place.alias(later=GatewayAlias(model=MODEL))
    with pytest.raises(AdministrationError, match="later"):
        await place.administration.remove(MODEL)
    await place.administration.remove_alias("later")
    await place.administration.remove(MODEL)
    assert not (place.data_dir / "models" / "org_model").exists()


async def test_a_broken_file_of_the_gateway_stands_in_the_way_of_its_aliases_alone(place: Place) -> None:
    for model_id in (MODEL, OTHER):
        await place.administration.assign(model_id, "gpu", {})
    place.alias(chat=GatewayAlias(model=MODEL))
    assert place.administration.gateway.current().aliases
    text = place.gateway.path.read_text(encoding="utf-8")
    place.gateway.path.write_text(text[:-5], encoding="utf-8")
    before = place.files()
    with pytest.raises(PROBLEMS, match=r"gateway\.json"):
        await place.administration.remove(MODEL, force=True)
    assert place.files() == before
    await place.administration.unassign(OTHER, "gpu")
    assert place.models("gpu") == [MODEL]


ids = st.sampled_from(["a/1", "a/2", "a/3"])
targets = st.one_of(
    ids, st.tuples(st.sampled_from(["gpu-", "npu-"]), ids).map("".join), ids.map(lambda id: f"{id}:latest")
)


@given(
    st.lists(ids, unique=True),
    st.lists(ids, unique=True),
    st.dictionaries(st.text(min_size=1), st.lists(targets, min_size=1, max_size=3), max_size=4),
    ids,
)
def test_no_alias_outlives_what_it_stands_for(
    gpu: list[str], npu: list[str], aliases: dict[str, list[str]], gone: str
) -> None:
    configuration = Configuration(
        devices={
            name: device(port, models=[ModelAssignment(id=each, path="x") for each in models])
            for name, port, models in (("gpu", 1, gpu), ("npu", 2, npu))
        }
    )
    settings = GatewaySettings.model_construct(
        aliases={name: GatewayAlias(model=first, fallback=rest) for name, (first, *rest) in aliases.items()}
    )
    devices = {name: without_model(each, gone) for name, each in configuration.devices.items()}
    lost = offered_names(configuration) - offered_names(Configuration(devices=devices))
    after = without_targets(settings, lost | names_of_model(configuration, gone))
    for name, before in aliases.items():
        kept = [target for target in before if gone not in target]
        alias = after.aliases.get(name)
        assert ([alias.model, *alias.fallback] if alias else []) == kept
    assert json.loads(after.model_dump_json()) is not None

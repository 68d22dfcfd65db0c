from __future__ import annotations

from pathlib import Path

import pytest

from model_registry import HubSettings, ModelRegistry
from registry.settings import default_settings, kind_of
from tests.hub import TestHub

ID = "OpenVINO/Tiny-int4-ov"


@pytest.fixture
def registry(tmp_path: Path, hub: TestHub) -> ModelRegistry:
    return ModelRegistry(tmp_path / "m", hub=HubSettings(hub.url, kind="modelscope"), retry_wait=0.01)


async def test_a_model_from_modelscope(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    hub.faults.cut("openvino_model.bin", [100_000])
    hub.faults.corrupt("config.json", [3])
    job = await registry.settled(registry.pull(ID).id)
    assert job.state == "ready", job.error
    assert registry.find(ID).complete
    assert (await registry.verify(ID)).intact
    assert not (await registry.check_update(ID)).available
    (model / "README.md").write_text("new", encoding="utf-8")
    hub.add_model(ID, model)
    assert (await registry.check_update(ID)).available


async def test_what_modelscope_does_not_have(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model)
    for model_id, revision, kind in (("a/b", None, "ModelNotFound"), (ID, "v9", "RevisionNotFound")):
        job = await registry.settled(registry.pull(model_id, revision).id)
        assert job.error is not None
        assert job.error.type == kind


async def test_the_bundled_list_stands_in_for_collections_and_search(registry: ModelRegistry) -> None:
    catalogue = await registry.catalogue(refresh=True)
    assert catalogue.source == "bundled"
    assert "ModelScope" in (catalogue.problem or "")
    assert {entry.kind for entry in await registry.search("whisper")} == {"whisper"}


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        ("https://modelscope.cn", "modelscope"),
        ("https://www.modelscope.cn", "modelscope"),
        ("https://www.modelscope.ai", "modelscope"),
        ("https://huggingface.co", "huggingface"),
        ("https://hub.example.com", "huggingface"),
        ("https://modelscope.cn.example.com", "huggingface"),
    ],
)
def test_the_protocol_follows_from_the_host(endpoint: str, kind: str) -> None:
    assert kind_of(endpoint) == kind


async def test_a_private_model_takes_the_token(registry: ModelRegistry, hub: TestHub, model: Path) -> None:
    hub.add_model(ID, model, private=True)
    job = await registry.settled(registry.pull(ID).id)
    assert job.error is not None
    assert "token" in job.error.message
    registry.hub = HubSettings(hub.url, "hf_good", "modelscope")
    job = await registry.settled(registry.pull(ID).id)
    assert (job.state, job.notes) == ("ready", ())
    assert (await registry.verify(ID)).intact
    assert not any(seen.authorization for seen in hub.requests)


async def test_a_stale_token_is_left_away_for_a_public_model(
    registry: ModelRegistry, hub: TestHub, model: Path
) -> None:
    hub.add_model(ID, model)
    registry.hub = HubSettings(hub.url, "stale", "modelscope")
    job = await registry.settled(registry.pull(ID).id)
    assert job.state == "ready"
    assert any("token" in note for note in job.notes)


def test_the_environment_may_name_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "ms-1")
    assert default_settings().token is None
    monkeypatch.setenv("HF_ENDPOINT", "https://www.modelscope.cn/")
    assert default_settings() == HubSettings("https://www.modelscope.cn", "ms-1", "modelscope")

"""What the admin remembers and clears: last uses, compile caches."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from admin.live.steps_taken import StepsFile
from admin.live.usage import UsageWatch
from configuration.device_config import DeviceSettings, ModelAlias
from registry.last_use import FILE, LastUse
from tests.admin.conftest import PHI, QWEN
from tests.admin.site import Site, add_model, assigned, make_site
from tests.helpers import eventually
from tests.support.ports import free_port


def settings() -> DeviceSettings:
    alias = ModelAlias(model=QWEN)
    return DeviceSettings(port=free_port(), device="GPU", models=assigned([PHI, QWEN]), aliases={"helper": alias})


def ended(number: int, model: str | None) -> dict:
    return {"number": number, "time": 1_790_000_000.0 + number, "ended": number, "model": model, "outcome": "completed"}


async def test_the_last_use_of_each_model(tmp_path: Path, published: Path) -> None:
    site = make_site(tmp_path / "資料 夾", devices={"gpu": settings()})
    for model_id in (PHI, QWEN):
        add_model(site, model_id, published)
    names = [f"gpu-{PHI}", f"{PHI}:latest", "helper", "no/such", None]
    site.order("gpu", activity={"ended": [ended(number, name) for number, name in enumerate(names, 1)]})
    last_use = LastUse(tmp_path / "used.json")
    transport = httpx.ASGITransport(app=site.app)
    async with site.app.router.lifespan_context(site.app):
        watch = UsageWatch(site.suite, site.store, last_use, StepsFile(tmp_path / "steps.json"))
        await eventually(lambda: site.suite.activity("gpu").cursor == len(names))
        watch.read()
        assert (last_use.at(PHI), last_use.at(QWEN), last_use.at("no/such")) == (1_790_000_002.0, 1_790_000_003.0, None)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            rows = (await client.get("/api/local_models")).json()["models"]
            assert {row["last_used"] for row in rows} <= {None, 1_789_999_980.0}
    assert json.loads((site.data_dir / FILE).read_text(encoding="utf-8"))[QWEN] == 1_790_000_003.0
    again = make_site(tmp_path / "資料 夾", devices={"gpu": settings()})
    transport = httpx.ASGITransport(app=again.app)
    async with (
        again.app.router.lifespan_context(again.app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        rows = (await client.get("/api/local_models")).json()["models"]
    assert {row["id"]: row["last_used"] for row in rows} == {PHI: 1_789_999_980.0, QWEN: 1_789_999_980.0}


async def test_compile_caches(site: Site, client: httpx.AsyncClient) -> None:
    for device in ("gpu", "tpu"):
        (site.data_dir / f"cache_{device}").mkdir()
        (site.data_dir / f"cache_{device}" / "1.blob").write_bytes(b"x" * 100)
        (site.data_dir / f"cache_{device}" / "memory_costs.json").write_text("{}", encoding="utf-8")
    caches = {cache["device"]: cache for cache in (await client.get("/api/caches")).json()["caches"]}
    assert (caches["gpu"]["size_bytes"], caches["gpu"]["orphaned"]) == (102, False)
    assert caches["tpu"]["orphaned"]
    assert (await client.delete("/api/caches/gpu")).json() == {"device": "gpu", "freed_bytes": 100}
    assert (await client.delete("/api/caches/tpu")).json() == {"device": "tpu", "freed_bytes": 102}
    assert [cache["device"] for cache in (await client.get("/api/caches")).json()["caches"]] == ["gpu"]
    missing = await client.delete("/api/caches/tpu")
    assert missing.status_code == 404
    assert missing.json()["error"]["type"] == "ModelNotFound"


async def test_by_force_a_model_is_deleted_from_its_devices(
    site: Site, client: httpx.AsyncClient, published: Path
) -> None:
    add_model(site, PHI, published)
    await client.post("/api/update_config", json={"device": "gpu", "models": [PHI]})
    refused = await client.delete(f"/api/local_models/{PHI}")
    assert refused.status_code == 409
    assert refused.json()["error"]["type"] == "ModelInUse"
    assert (await client.delete(f"/api/local_models/{PHI}", params={"force": "true"})).json() == {"deleted": PHI}
    assert not site.store.load().devices["gpu"].models

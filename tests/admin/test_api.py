"""The JSON API as a program uses it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.admin.conftest import PHI, QWEN
from tests.admin.site import Site, add_model

PATIENCE = 30


async def until_state(client: httpx.AsyncClient, state: str, device: str = "gpu") -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        while True:
            cards = (await client.get("/api/status")).json()["devices"]
            card = next(card for card in cards if card["name"] == device)
            if card["state"] == state:
                return card
            await asyncio.sleep(0.02)

    return await asyncio.wait_for(look(), PATIENCE)


def configured(site: Site) -> dict[str, Any]:
    return json.loads(site.store.path.read_text(encoding="utf-8"))


async def test_assign_apply_disable(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    add_model(site, PHI, published, size=7_900_000_000)
    answer = await client.post("/api/update_config", json={"device": "gpu", "enabled": True, "models": [PHI]})
    assert answer.status_code == 200
    [model] = configured(site)["gpu"]["models"]
    assert model["path"] == "models/OpenVINO_Phi-3-medium-4k-instruct-int4-ov"
    assert model["estimated_memory_gb"] is None
    running = await until_state(client, "running")
    assert running["hardware"]["name"] == "Stand-in"
    assert (await client.get("/api/config")).json() == configured(site)

    await client.post("/api/update_config", json={"device": "gpu", "enabled": False})
    stopped = await until_state(client, "disabled")
    assert stopped["pid"] is None
    assert [model["id"] for model in configured(site)["gpu"]["models"]] == [PHI]


async def test_settings_survive_a_new_selection(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    add_model(site, PHI, published)
    add_model(site, QWEN, published)
    tuned = {"id": PHI, "max_concurrent": 3, "extra_config": {"NPUW_DEVICES": "CPU"}, "note": "mine"}
    await client.post("/api/update_config", json={"device": "npu", "enabled": False, "models": [tuned]})
    await client.post("/api/update_config", json={"device": "npu", "models": [PHI, {"id": QWEN, "idle_timeout": -1}]})
    phi, qwen = configured(site)["npu"]["models"]
    assert (phi["max_concurrent"], phi["extra_config"], phi["note"]) == (3, {"NPUW_DEVICES": "CPU"}, "mine")
    assert (qwen["id"], qwen["idle_timeout"]) == (QWEN, -1)
    await client.post("/api/update_config", json={"device": "npu", "models": [QWEN]})
    assert [model["id"] for model in configured(site)["npu"]["models"]] == [QWEN]


@pytest.mark.parametrize(
    ("body", "status", "kind", "words"),
    [
        ({"device": "tpu", "models": []}, 404, "unknown_device", ("tpu", "gpu, npu")),
        ({"device": "gpu", "models": ["org/none"]}, 404, "ModelNotFound", ("org/none", "pull it first")),
        ({"device": "gpu", "models": "org/none"}, 422, "invalid_request", ("models",)),
        ({"device": "gpu", "enabled": "yes"}, 422, "invalid_request", ("enabled", "boolean")),
        ({"device": "gpu", "colour": "red"}, 422, "invalid_request", ("colour",)),
        ({"models": []}, 422, "invalid_request", ("device",)),
    ],
)
async def test_refusals_say_why(
    client: httpx.AsyncClient, site: Site, body: object, status: int, kind: str, words: tuple[str, ...]
) -> None:
    before = configured(site)
    answer = await client.post("/api/update_config", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (status, kind)
    assert all(word in error["message"] for word in words), error["message"]
    assert configured(site) == before


async def test_a_wrong_setting_names_model_and_field(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    add_model(site, PHI, published)
    body = {"device": "gpu", "models": [{"id": PHI, "max_concurrent": 0}]}
    answer = await client.post("/api/update_config", json=body)
    assert answer.status_code == 422
    assert "max_concurrent" in answer.json()["error"]["message"]


async def test_text_that_is_no_json(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/update_config", content=b"{device: gpu", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["error"]["type"] == "invalid_request"


async def test_an_unusable_model_cannot_be_assigned(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    directory = add_model(site, PHI, published)
    (directory / "openvino_model.bin").unlink()
    answer = await client.post("/api/update_config", json={"device": "gpu", "models": [PHI]})
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "model_unusable")


async def test_a_model_larger_than_the_device_cannot_be_assigned(
    client: httpx.AsyncClient, site: Site, published: Path
) -> None:
    add_model(site, PHI, published)
    stopped = {"device": "gpu", "enabled": False, "models": []}
    assert (await client.post("/api/update_config", json=stopped)).status_code == 200
    site.store.change_device("gpu", lambda settings: settings.model_copy(update={"memory_limit_gb": 0.1}))
    before = configured(site)
    answer = await client.post("/api/update_config", json={"device": "gpu", "models": [PHI]})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (409, "model_too_large")
    assert all(words in error["message"] for words in (PHI, "at least 0.2 GB", "limited to 0.1 GB")), error["message"]
    assert configured(site) == before


async def test_a_broken_configuration_is_named_and_kept(client: httpx.AsyncClient, site: Site) -> None:
    site.store.path.write_text('{\n  "gpu": {"port": "x", "device": "GPU"}\n}', encoding="utf-8")
    for answer in (
        await client.get("/api/config"),
        await client.post("/api/update_config", json={"device": "gpu", "enabled": False}),
    ):
        message = answer.json()["error"]["message"]
        assert (answer.status_code, answer.json()["error"]["type"]) == (409, "config_broken")
        assert all(word in message for word in ("device_config.json", "line 2", "gpu.port")), message
    assert '"x"' in site.store.path.read_text(encoding="utf-8")
    status = (await client.get("/api/status")).json()
    assert "line 2" in status["config_problem"]
    assert [card["name"] for card in status["devices"]] == ["gpu", "npu"]
    page = (await client.get("/")).text
    assert "設定檔無法使用" in page


async def test_the_language_of_a_sentence(client: httpx.AsyncClient) -> None:
    async def message(**headers: str) -> str:
        return (await client.get("/api/nothing", headers=headers)).json()["error"]["message"]

    assert await message() == "/api/nothing does not exist."
    assert await message(**{"Accept-Language": "zh-TW,zh;q=0.9,en;q=0.8"}) == "這裡沒有 /api/nothing。"
    assert await message(Cookie="language=en", **{"Accept-Language": "zh-TW"}) == "/api/nothing does not exist."


async def test_a_model_in_use_is_not_deleted(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    directory = add_model(site, PHI, published)
    await client.post("/api/update_config", json={"device": "gpu", "enabled": False, "models": [PHI]})
    refused = await client.delete(f"/api/local_models/{PHI}")
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "ModelInUse")
    await client.post("/api/update_config", json={"device": "gpu", "models": []})
    assert (await client.delete(f"/api/local_models/{PHI}")).status_code == 200
    assert not directory.exists()
    assert (await client.delete(f"/api/local_models/{PHI}")).status_code == 404
    assert (await client.get("/api/local_models")).json() == {"models": []}


async def test_the_log_of_a_device(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    add_model(site, PHI, published)
    site.order("gpu", refuse_to_start="權重檔損毀")
    await client.post("/api/update_config", json={"device": "gpu", "models": [PHI]})
    failed = await until_state(client, "failed")
    assert any("權重檔損毀" in line for line in failed["last_log_lines"])
    lines = (await client.get("/api/logs/gpu")).json()["lines"]
    assert any("權重檔損毀" in line["text"] for line in lines)
    assert (await client.get("/api/logs/tpu")).status_code == 404
    download = await client.get("/logs/gpu/download")
    assert "權重檔損毀" in download.text
    assert download.headers["content-disposition"] == 'attachment; filename="gpu.log"'


async def test_a_fallback_is_said_plainly(client: httpx.AsyncClient, site: Site, published: Path) -> None:
    add_model(site, PHI, published)
    fallback = {"used_device": "CPU", "device_name": "Some CPU", "fallback_reason": "There is no NPU here."}
    site.order("npu", health=fallback)
    await client.post("/api/update_config", json={"device": "npu", "models": [PHI]})
    card = await until_state(client, "running", "npu")
    assert card["hardware"] == {"used": "CPU", "name": "Some CPU", "fallback_reason": "There is no NPU here."}
    page = (await client.get("/", headers={"Accept-Language": "en"})).text
    assert "NPU not found; running on CPU (Some CPU) instead." in page
    assert "There is no NPU here." in page


async def test_foreign_pages_may_not_change_anything(client: httpx.AsyncClient) -> None:
    body = {"device": "gpu", "enabled": False}
    refused = await client.post("/api/update_config", json=body, headers={"Origin": "https://example.com"})
    assert refused.status_code == 403
    assert (await client.get("/", headers={"Host": "example.com"})).status_code == 403

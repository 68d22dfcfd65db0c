"""A configuration that is exported and imported again is the same, here and on another machine."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from configuration.device_config import Configuration
from configuration.gateway_config import GATEWAY_FILE, GatewayStore
from tests.admin.conftest import PHI, QWEN
from tests.admin.site import Site, add_model


async def test_there_and_back(site: Site, client: httpx.AsyncClient, published: Path) -> None:
    for model in (PHI, QWEN):
        add_model(site, model, published)
    await client.post(
        "/api/update_config", json={"device": "gpu", "models": [{"id": PHI, "idle_timeout": 60}]}, timeout=30
    )
    await client.post("/api/gateway/aliases", json={"name": "聊天", "model": PHI})
    before = site.store.load()
    answer = await client.get("/api/config/export")
    assert "attachment" in answer.headers["content-disposition"]
    document = answer.json()
    assert "secret" not in answer.text
    await client.post("/api/update_config", json={"device": "npu", "models": [QWEN]}, timeout=30)
    await client.delete("/api/gateway/aliases/聊天")
    done = await client.post("/api/config/import", json=document, timeout=30)
    assert done.json() == {"devices": ["gpu", "npu"], "missing": []}
    assert site.store.load() == before
    assert "聊天" in GatewayStore(site.data_dir / GATEWAY_FILE).load().aliases


async def test_another_machine_puts_models_where_they_are_there(
    site: Site, client: httpx.AsyncClient, published: Path
) -> None:
    directory = add_model(site, PHI, published)
    document = (await client.get("/api/config/export")).json()
    document["devices"]["gpu"]["models"] = [
        {"id": PHI, "path": "/somewhere/else"},
        {"id": "org/not-here", "path": "C:\\models\\x"},
    ]
    done = await client.post("/api/config/import", json=document, timeout=30)
    assert done.json()["missing"] == ["org/not-here"]
    paths = [model.path for model in site.store.load().devices["gpu"].models]
    assert paths == [f"models/{directory.name}", "models/org_not-here"]


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"version": 2},
        {"devices": {"gpu": {"port": "x"}}},
        {
            "devices": {
                "gpu": {"port": 1234, "models": [{"id": "a/b", "path": "x", "extra_config": {"CACHE_DIR": "/etc"}}]}
            }
        },
        {"gateway": {"port": -1}},
        {"keys": []},
    ],
)
async def test_what_does_not_fit_changes_nothing(
    site: Site, client: httpx.AsyncClient, change: dict[str, object]
) -> None:
    before: Configuration = site.store.load()
    document = (await client.get("/api/config/export")).json()
    answer = await client.post("/api/config/import", json=document | change, headers={"Cookie": "language=zh-TW"})
    assert 400 <= answer.status_code < 500, answer.text
    assert json.loads(answer.text)["error"]["message"]
    assert site.store.load() == before

"""One figure for one thing: what a model takes, and what other programs take, reads the same wherever it stands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.admin.site import Site, add_model

QWEN = "OpenVINO/Qwen3-8B-int4-cw-ov"
GB = 10**9


def report(used: int, reckoned: int) -> dict[str, Any]:
    model = {
        "id": QWEN,
        "measured_bytes": used,
        "estimated_bytes": reckoned,
        "estimated_weight_bytes": used // 2,
        "instances": [{}],
    }
    return {
        "memory": "system",
        "total_bytes": 32 * GB,
        "limit_bytes": 30 * GB,
        "available_bytes": 14 * GB,
        "used_bytes": used,
        "models": [model],
    }


async def running(client: httpx.AsyncClient, names: set[str]) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        while True:
            status = (await client.get("/api/status")).json()
            if all(card["memory"] for card in status["devices"] if card["name"] in names):
                return status
            await asyncio.sleep(0.05)

    return await asyncio.wait_for(look(), 30)


async def test_other_programs_and_a_models_need_read_the_same_everywhere(
    client: httpx.AsyncClient, site: Site, published: Path
) -> None:
    add_model(site, QWEN, published, size=2 * GB)
    for device, used in (("gpu", 3 * GB), ("npu", 2 * GB)):
        states = {QWEN: {"state": "ready", "instances": 1}}
        site.order(device, memory=report(used, 5 * GB), states=states)
        body = {"device": device, "enabled": True, "models": [QWEN]}
        assert (await client.post("/api/update_config", json=body)).status_code == 200
    status = await running(client, {"gpu", "npu"})
    cards = {card["name"]: card for card in status["devices"]}
    for name, elsewhere in (("gpu", 2 * GB), ("npu", 3 * GB)):
        bar = cards[name]["memory"]
        assert (bar["other"], bar["elsewhere"]) == (status["memory"]["other"], elsewhere)
        assert bar["total"] == status["memory"]["total"]
        (choice,) = [model for model in cards[name]["models"] if model["id"] == QWEN]
        # What its server reckons, which it may have measured, is what the badge says too.
        assert choice["fitness"]["needed"] == choice["running"]["estimated"] == 5 * GB
        assert choice["fitness"]["budget"] == 30 * GB
    rows = (await client.get("/api/local_models")).json()["models"]
    (row,) = [row for row in rows if row["id"] == QWEN]
    assert {fit["device"]: fit["needed"] for fit in row["fitness"]} == {"gpu": 5 * GB, "npu": 5 * GB}

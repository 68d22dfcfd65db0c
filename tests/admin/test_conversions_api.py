"""The JSON API for conversions, as far as it needs no exporter."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.admin.site import Site


async def test_nothing_is_there_at_first(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/conversions")).json()
    assert answer["jobs"] == []
    assert answer["converter"]["installed"] is False
    assert answer["converter"]["download_bytes"] > 10**8
    assert (await client.delete("/api/converter")).json() == {"freed_bytes": 0}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"source": "org/name", "device": "tpu"}, 422),
        ({"source": "org/name", "weights": "int2"}, 422),
        ({"source": "org/name", "trust_remote_code": "yes"}, 422),
        ({"source": "org/name", "more": 1}, 422),
        ({"source": "no organisation"}, 400),
        ({"source": "org/name", "model_id": "../up"}, 400),
        ({"source": "org/name", "revision": ".."}, 400),
        ({"source": "org/name", "adapter": "x"}, 400),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_at_once(
    client: httpx.AsyncClient, body: dict[str, object], status: int
) -> None:
    answer = await client.post("/api/convert_model", json=body)
    assert answer.status_code == status, answer.text
    assert (await client.get("/api/conversions")).json()["jobs"] == []


async def test_a_job_that_is_not_there(client: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", "/api/conversions/none"),
        ("GET", "/api/conversions/none/log"),
        ("DELETE", "/api/conversions/none"),
        ("DELETE", "/api/conversions/none/entry"),
        ("POST", "/api/conversions/none/pause"),
        ("POST", "/api/conversions/none/resume"),
    ):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "JobNotFound")


async def test_a_folder_without_a_model_fails_with_a_reason(
    site: Site, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    job = (await client.post("/api/convert_model", json={"source": str(tmp_path)})).json()["job"]
    assert job["state"] == "queued"
    for _ in range(1000):
        job = (await client.get(f"/api/conversions/{job['id']}")).json()["job"]
        if job["state"] not in ("queued", "checking"):
            break
        await asyncio.sleep(0.02)
    assert job["state"] == "failed"
    assert job["error"]["type"] == "NotConvertible"
    assert "safetensors" in job["error"]["message"]
    cancelled = (await client.delete(f"/api/conversions/{job['id']}")).json()["job"]
    assert cancelled["state"] == "cancelled"
    assert (await client.delete(f"/api/conversions/{job['id']}/entry")).json() == {"dismissed": job["id"]}

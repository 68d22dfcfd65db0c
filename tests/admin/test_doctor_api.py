"""The doctor over the JSON API."""

from __future__ import annotations

import httpx
import pytest

from tests.admin.site import NO_HUB, Site


@pytest.fixture(autouse=True)
def nothing_examined(site: Site) -> None:
    site.app.state.doctor.latest = None


async def test_the_first_question_begins_an_examination(client: httpx.AsyncClient) -> None:
    first = (await client.get("/api/doctor")).json()
    assert first == {"running": True, "age_seconds": None, "checked_at": None, "level": None, "findings": []}
    report = (await client.get("/api/doctor", params={"wait": "true", "lang": "en"})).json()
    assert report["running"] is False
    assert report["age_seconds"] >= 0
    found = {finding["id"]: finding for finding in report["findings"]}
    assert found["openvino_version"]["level"] == "ok"
    assert NO_HUB in found["hub_unreachable"]["detail"]
    assert found["hub_unreachable"]["advice"]
    assert found["ports_ok"]["area"] == "network"
    levels = [finding["level"] for finding in report["findings"]]
    assert levels == sorted(levels, key=["problem", "warning", "note", "ok"].index)
    assert report["level"] == levels[0]
    again = (await client.get("/api/doctor", params={"lang": "en"})).json()
    assert again["checked_at"] == report["checked_at"]


async def test_an_examination_is_asked_for_in_any_language(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/doctor", params={"wait": "true", "lang": "zh-TW"})
    assert answer.status_code == 202
    titles = {finding["id"]: finding["title"] for finding in answer.json()["findings"]}
    assert titles["memory_ok"] == "記憶體"
    english = (await client.get("/api/doctor")).json()
    chinese = (await client.get("/api/doctor", headers={"Accept-Language": "zh-Hant"})).json()
    assert {finding["id"]: finding["title"] for finding in english["findings"]}["memory_ok"] == "Memory"
    assert {finding["id"]: finding["title"] for finding in chinese["findings"]}["memory_ok"] == "記憶體"


async def test_who_asks_meanwhile_waits_for_the_same(client: httpx.AsyncClient) -> None:
    await client.post("/api/doctor")
    await client.post("/api/doctor")
    one = (await client.get("/api/doctor", params={"wait": "true"})).json()
    two = (await client.get("/api/doctor", params={"wait": "true"})).json()
    assert one["checked_at"] == two["checked_at"]
